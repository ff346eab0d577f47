/* Packed weights: the one place that knows where a code's bits go (docs/formats.md). */
#include "program.h"

#include <string.h>

int block_rows(Format f, int planes)
{
    if (f == FORMAT_PLANES) {
        return planes == 1 ? 8 : planes == 2 ? 4 : planes <= 4 ? 2 : 1;
    }
    return f == FORMAT_TERNARY ? 8 : 1;
}

int64_t block_bytes(Format f, int planes, int cols)
{
    if (f == FORMAT_PLANES) {
        return (int64_t)block_rows(f, planes) * planes * ((cols + 7) / 8);
    }
    return f == FORMAT_TERNARY ? 8 * (int64_t)((cols + 4) / 5) : cols;
}

int packed_rows(const Linear *l)
{
    const int n = block_rows(l->format, l->planes);
    return (l->rows + n - 1) / n * n;
}

/* Lane of (row in block, plane), byte of a lane for a group of inputs. */
static size_t lane_byte(int planes, int rows, int r, int k, int group)
{
    return (size_t)group * (size_t)(rows * planes) + (size_t)(r % rows * planes + k);
}

static const int powers_of_3[5] = {1, 3, 9, 27, 81};

void pack_codes(const Linear *l, int64_t stride, uint8_t *codes)
{
    const int n = block_rows(l->format, l->planes);
    for (int r = 0; r < l->rows; r++) {
        uint8_t *block = codes + (size_t)(r / n) * (size_t)stride;
        const uint8_t *row = l->code + (size_t)r * (size_t)l->cols;
        if (l->format == FORMAT_INT8) {
            memcpy(block, row, (size_t)l->cols);
        }
        for (int c = 0; l->format == FORMAT_PLANES && c < l->cols; c++) {
            for (int k = 0; k < l->planes; k++) {
                uint8_t *byte = &block[lane_byte(l->planes, n, r, k, c / 8)];
                *byte = (uint8_t)(*byte | ((row[c] >> k & 1) << c % 8));
            }
        }
        for (int c = 0; l->format == FORMAT_TERNARY && c < l->cols; c++) {
            uint8_t *byte = &block[lane_byte(1, n, r, 0, c / 5)];
            *byte = (uint8_t)(*byte + row[c] * powers_of_3[c % 5]);
        }
    }
}

void pack_rows(const Linear *l, uint8_t *rows_data)
{
    rows_data[0] = (uint8_t)l->zero;
    for (int k = 0; k < l->planes; k++) {
        rows_data[1 + k] = (uint8_t)l->coef[k];
    }
    memcpy(rows_data + BOOK_BYTES, l->scale, (size_t)l->rows);
}

uint8_t unpack_code(Format f, int planes, int64_t stride, const uint8_t *codes, int r, int c)
{
    const int n = block_rows(f, planes);
    const uint8_t *block = codes + (size_t)(r / n) * (size_t)stride;
    if (f == FORMAT_INT8) {
        return block[c];
    }
    if (f == FORMAT_TERNARY) {
        return (uint8_t)(block[lane_byte(1, n, r, 0, c / 5)] / powers_of_3[c % 5] % 3);
    }
    int code = 0;
    for (int k = 0; k < planes; k++) {
        code |= (block[lane_byte(planes, n, r, k, c / 8)] >> c % 8 & 1) << k;
    }
    return (uint8_t)code;
}

int64_t top_chunk_bytes(Model *m, const Op *op)
{
    const Linear *l = model_linears(m, op->linear);
    return op->imm[TOP_CHUNK] / block_rows(l->format, l->planes) * op->imm[MATVEC_STRIDE];
}
