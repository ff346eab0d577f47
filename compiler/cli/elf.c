/* The symbol table of a 32-bit ELF file (Tool Interface Standard, ELF 1.2): how much of a firmware
 * came from the generated sources, and where its functions are. Either byte order. */
#include "cli.h"

#include <string.h>

typedef struct Elf {
    const uint8_t *data;
    size_t size;
    bool big;
} Elf;

static uint32_t word(const Elf *e, uint64_t at, int bytes)
{
    uint32_t v = 0;
    if (at + (uint64_t)bytes > e->size)
        return 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint32_t)e->data[at + (uint64_t)i] << 8 * (e->big ? bytes - 1 - i : i);
    return v;
}

/* A NUL-terminated string, "" when it would run out of the file. */
static const char *string(const Elf *e, uint64_t at)
{
    return at < e->size && memchr(e->data + at, '\0', e->size - at) ? (const char *)e->data + at
                                                                    : "";
}

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* Functions of the generated files, and static tables (lm_...) of them; arrays of weights and of
 * the tokenizer are global objects and do not count. */
static int64_t count_symbols(const Elf *e, uint64_t symbols, uint32_t size, uint64_t names,
                             const char *name)
{
    enum { OBJECT = 1, FUNCTION = 2, FILE_NAME = 4 };
    int64_t bytes = 0;
    bool ours = false;
    for (uint64_t s = symbols; s + 16 <= symbols + size && s + 16 <= e->size; s += 16) {
        const char *symbol = string(e, names + word(e, s, 4));
        const int type = e->data[s + 12] & 15;
        const bool local = e->data[s + 12] >> 4 == 0;
        if (type == FILE_NAME)
            ours = starts(symbol, name) && !strstr(symbol, "_weights.c");
        else if (type == FUNCTION && (local ? ours : starts(symbol, name)))
            bytes += word(e, s + 8, 4);
        else if (type == OBJECT && local && ours && starts(symbol, "lm_"))
            bytes += word(e, s + 8, 4);
    }
    return bytes;
}

/* The section header of the symbol table, 0: none. */
static uint64_t find_symbols(const Elf *e)
{
    enum { SYMBOL_TABLE = 2 };
    const uint64_t sections = word(e, 32, 4);
    const uint32_t entry = word(e, 46, 2), n = word(e, 48, 2);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t s = sections + (uint64_t)i * entry;
        if (word(e, s + 4, 4) == SYMBOL_TABLE)
            return s;
    }
    return 0;
}

/* The file, and where its symbols and their names are; false when it is no 32-bit ELF with such. */
static bool open_elf(Arena *a, const char *path, Elf *e, uint64_t *symbols, uint32_t *size,
                     uint64_t *names)
{
    const File f = file_map(a, path);
    if (f.size < 52 || memcmp(f.data, "\177ELF\1", 5) != 0)
        return false;
    *e = (Elf){f.data, f.size, f.data[5] == 2};
    const uint64_t s = find_symbols(e);
    const uint64_t strings =
        word(e, 32, 4) + (uint64_t)word(e, s + 24, 4) * (uint64_t)word(e, 46, 2);
    *symbols = word(e, s + 16, 4);
    *size = word(e, s + 20, 4);
    *names = word(e, strings + 16, 4);
    return s != 0;
}

int64_t elf_code_bytes(Arena *a, const char *path, const char *name)
{
    Elf e;
    uint64_t symbols, names;
    uint32_t size;
    return open_elf(a, path, &e, &symbols, &size, &names)
               ? count_symbols(&e, symbols, size, names, name)
               : 0;
}

void elf_functions(Arena *a, const char *path,
                   void (*each)(void *user, const char *name, uint32_t address, uint32_t bytes),
                   void *user)
{
    enum { FUNCTION = 2 };
    Elf e;
    uint64_t symbols, names;
    uint32_t size;
    if (!open_elf(a, path, &e, &symbols, &size, &names))
        return;
    for (uint64_t s = symbols; s + 16 <= symbols + size && s + 16 <= e.size; s += 16)
        if ((e.data[s + 12] & 15) == FUNCTION)
            each(user, string(&e, names + word(&e, s, 4)), word(&e, s + 4, 4) & ~1U,
                 word(&e, s + 8, 4));
}
