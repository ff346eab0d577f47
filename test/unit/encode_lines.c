/* encode_lines TOKENIZER VOCAB [--json|--hex]: the ids of each line of stdin, a line each, without
 * bos and what ends a text. With --json a line is a JSON string, with --hex bytes in hexadecimal: a
 * text may hold line ends. Each text is also encoded in parts of 1 to 7 bytes; fails when that
 * gives other ids, or when what BPE encoded decodes to something else in more than the prefix
 * space. */
#include "import.h"
#include "run.h"

#include "../../runtime_template/lm_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool decodes_to(const Tokenizer *t, const int *ids, int n, const char *text, size_t len)
{
    size_t at = 0;
    bool prefix = t->add_prefix && len > 0 && !(t->prefix_once && text[0] == ' ');
    for (int i = 0; i < n; i++) {
        const uint8_t *bytes;
        size_t k = token_bytes(t, ids[i], &bytes);
        if (prefix && k > 0) {
            prefix = false;
            if (*bytes++ != ' ') {
                return false;
            }
            k--;
        }
        if (k > len - at || memcmp(text + at, bytes, k) != 0) {
            return false;
        }
        at += k;
    }
    return at == len && !prefix;
}

/* Words longer than what there is room for are refused. */
static void check_parts(Arena *a, const Encoder *e, const char *text, size_t len, const int *ids,
                        int n)
{
    const size_t rooms[] = {4000, 24};
    int *parts;
    for (size_t i = 0; i < LENGTH(rooms); i++) {
        int got = encode_parts(a, e, text, len, 1 + len % 7, rooms[i], &parts);
        if (got != n || memcmp(parts, ids, (size_t)n * sizeof *ids) != 0) {
            if (got != LM_E_WORD) {
                fatal("in parts it is encoded differently: %.*s", (int)len, text);
            }
        }
    }
}

/* Nothing but a space may be spelled in two ways. */
static bool lossless(const Tokenizer *t, const char *text, size_t len)
{
    return !(t->marked_spaces && memmem(text, len, "\xE2\x96\x81", 3)) &&
           t->form == NORMAL_NONE &&
           (t->kind == TOKENIZER_SPM || t->kind == TOKENIZER_BYTE_LEVEL) && t->n_added == 0;
}

static void print_line(Arena *a, const Tokenizer *t, const Encoder *e, const char *text, size_t len)
{
    int *ids;
    int n = encode(a, e, text, len, &ids);
    int bos = t->add_bos && t->bos >= 0, last = n - t->add_after;
    for (int i = bos; i < last; i++) {
        printf("%s%d", i > bos ? " " : "", ids[i]);
    }
    putchar('\n');
    check_parts(a, e, text, len, ids, n);
    if (lossless(t, text, len) && !decodes_to(t, ids, n, text, len)) {
        fatal("decoded text differs: %.*s", (int)len, text);
    }
}

static size_t unhex(char *line, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        const char digits[] = {line[i], line[i + 1], '\0'};
        line[i / 2] = (char)strtol(digits, NULL, 16);
    }
    return len / 2;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        usage_error("usage: encode_lines TOKENIZER VOCAB [--json|--hex]");
    }
    Arena *a = arena_new();
    Tokenizer *t = find_tokenizer(a, argv[1], argv[1], atoi(argv[2]));
    Encoder *e = encoder_new(a, t);
    bool json = argc > 3 && !strcmp(argv[3], "--json");
    bool hex = argc > 3 && !strcmp(argv[3], "--hex");
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&line, &cap, stdin)) >= 0;) {
        Arena *own = arena_new();
        if (len > 0 && line[len - 1] == '\n') {
            len--;
        }
        if (json) {
            json_t *v = json_loadb(line, (size_t)len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            if (!json_is_string(v)) {
                fatal("stdin: not a JSON string: %s", line);
            }
            print_line(own, t, e, json_string_value(v), json_string_length(v));
            json_decref(v);
        } else {
            len = hex ? (ssize_t)unhex(line, (size_t)len) : len;
            print_line(own, t, e, line, (size_t)len);
        }
        arena_free(own);
    }
    free(line);
    arena_free(a);
    return ferror(stdin) || fflush(stdout) != 0;
}
