/* GGUF files in memory: each must become a model, or end in fatal() with a message. What the
 * sanitizers see is everything from the first byte to the last merge of the tokenizer. */
#include "gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const File f = {"fuzz/model.gguf", data, size};
    Arena *a = arena_new();
    jmp_buf trap;
    verbosity = -1;
    fatal_trap = &trap;
    if (setjmp(trap) == 0) {
        const Model *m = import_gguf_file(a, &f, NULL);
        if (m->tokenizer && m->tokenizer->n_pieces != m->vocab)
            die("%d pieces, vocabulary of %d", m->tokenizer->n_pieces, m->vocab);
    }
    fatal_trap = NULL;
    arena_free(a);
    return 0;
}
