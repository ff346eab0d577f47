/* The weights in their three forms: C arrays, an assembler source around NAME_weights.bin, that
 * file alone; and what checks them. */
#include "emit.h"

#include <xxhash.h>

static void hash_rows(const Emission *e, const Data *d, int n, Buf *b)
{
    for (int i = 0; i < n; i++)
        buf_printf(b, "    {%s_%s, %dU, %lldU},\n", e->name, d[i].name, elem_bytes[d[i].elem],
                   (long long)d[i].count * elem_bytes[d[i].elem]);
}

static bool is_fast(const Emission *e, const Data *d)
{
    return d->region >= 0 && d->region != e->unit->target->weights_region;
}

void emit_constant(const Emission *e, const Data *d, Buf *b)
{
    buf_printf(b, "\n%s_WEIGHTS%s ", e->upper, is_fast(e, d) ? "_FAST" : "");
    if (d->align > elem_bytes[d->elem])
        buf_printf(b, "%s_ALIGN(LM_ARRAY_ALIGN(%d)) ", e->upper, d->align);
    emit_data(e->name, d, b);
}

/* Of linked weights: their hash. */
static void emit_hash(const Emission *e, Buf *b)
{
    buf_printf(
        b, "\n/* What the hash covers, in this order. */\nstatic const lm_hashed %s_hashed[] = {\n",
        e->name);
    hash_rows(e, e->unit->program->data, e->unit->program->n_data, b);
    hash_rows(e, e->tables, e->n_tables, b);
    buf_printf(b,
               "};\n\nuint32_t %s_weights_hash(void)\n{\n"
               "    return lm_hash_all(%s_hashed, sizeof %s_hashed / sizeof %s_hashed[0]);\n}\n",
               e->name, e->name, e->name, e->name);
}

/* Of a blob: the words that it must begin with, and what is hashed with it. An array has one
 * element at least. */
static void emit_blob_check(const Emission *e, Buf *b)
{
    buf_printf(b, "\nconst uint32_t %s_blob_header[LM_BLOB_WORDS] = {\n   ", e->name);
    for (int i = 0; i < BLOB_WORDS; i++)
        buf_printf(b, " 0x%08xU,", (unsigned)e->file->word[i]);
    buf_printf(b,
               "\n};\n\n/* What is hashed after the blob, in this order. */\n"
               "static const lm_hashed %s_hashed[] = {\n",
               e->name);
    hash_rows(e, e->tables, e->n_tables, b);
    buf_printf(b,
               "    {%s_blob_header, 4U, 0U},\n};\n\n"
               "int32_t %s_blob_intact(const uint8_t *blob)\n{\n"
               "    return lm_blob_intact(blob, %s_hashed, %dU);\n}\n",
               e->name, e->name, e->name, e->n_tables);
}

void emit_weights(const Emission *e, Buf *b)
{
    const Program *p = e->unit->program;
    emit_banner(e, b);
    buf_printf(b, "#include \"%s_kernels.h\"\n", e->name);
    for (int i = 0; i < p->n_data && e->weights == WEIGHTS_C; i++)
        emit_constant(e, &p->data[i], b);
    if (e->weights == WEIGHTS_BLOB)
        emit_blob_check(e, b);
    else
        emit_hash(e, b);
}

void emit_declarations(const Emission *e, Buf *b)
{
    buf_puts(b, "/* The model's constants. */\n\n");
    for (int i = 0; i < e->unit->program->n_data && e->weights != WEIGHTS_BLOB; i++) {
        buf_puts(b, "extern ");
        emit_data_type(e->name, &e->unit->program->data[i], b);
        buf_puts(b, ";\n");
    }
    for (int i = 0; i < e->n_tables; i++) {
        buf_puts(b, "extern ");
        emit_data_type(e->name, &e->tables[i], b);
        buf_puts(b, ";\n");
    }
    if (e->weights == WEIGHTS_BLOB)
        buf_printf(b,
                   "\nextern const uint32_t %s_blob_header[LM_BLOB_WORDS];\n"
                   "int32_t %s_blob_intact(const uint8_t *blob);\n",
                   e->name, e->name);
    else
        buf_printf(b, "\n#define %s_WEIGHTS_HASH 0x%08xU\nuint32_t %s_weights_hash(void);\n",
                   e->upper, (unsigned)e->golden.weights_hash, e->name);
}

void emit_weights_bin(const Emission *e, Buf *b)
{
    weights_file_write(e->unit->program, e->file, e->unit->target->big_endian, b);
}

/* The file's hash is there for what rebuilds only sources that have changed. */
static void fill_constants(const Emission *e, const char *marker, Buf *b)
{
    const Program *p = e->unit->program;
    Buf bytes = {0};
    int fast = -1;
    (void)marker;
    emit_weights_bin(e, &bytes);
    buf_printf(b, "/* %s_weights.bin: %zu bytes, XXH64 %016llx */\n", e->name, bytes.len,
               (unsigned long long)XXH64(bytes.data, bytes.len, 0));
    buf_free(&bytes);
    for (int i = 0; i < p->n_data; i++) {
        const Data *d = &p->data[i];
        if (fast != is_fast(e, d))
            buf_printf(b, "    .section %s_WEIGHTS%s_SECTION, \"a\", %%progbits\n", e->upper,
                       is_fast(e, d) ? "_FAST" : "");
        fast = is_fast(e, d);
        buf_printf(b, "    constant %s_%s, %d, %lld, %lld\n", e->name, d->name,
                   weights_file_align(d), (long long)e->file->offset[i],
                   (long long)d->count * elem_bytes[d->elem]);
    }
}

void emit_weights_asm(const Emission *e, Buf *b)
{
    emit_template(e, "model_weights.S", fill_constants, b);
}
