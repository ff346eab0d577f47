/* encode_lines TOKENIZER VOCAB [--json]: the ids of each line of stdin, a line each, without bos.
 * With --json a line is a JSON string, so that a text may hold line ends. Decodes what it encoded
 * and fails when the two differ in more than the prefix space. */
#include "import.h"
#include "run.h"

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

static void print_line(Arena *a, const Tokenizer *t, const Encoder *e, const char *text, size_t len)
{
    int *ids;
    int n = encode(a, e, text, len, &ids);
    int bos = t->add_bos && t->bos >= 0;
    for (int i = bos; i < n; i++) {
        printf("%s%d", i > bos ? " " : "", ids[i]);
    }
    putchar('\n');
    if (!decodes_to(t, ids, n, text, len)) {
        fatal("decoded text differs: %.*s", (int)len, text);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        usage_error("usage: encode_lines TOKENIZER VOCAB [--json]");
    }
    Arena *a = arena_new();
    Tokenizer *t = find_tokenizer(a, argv[1], argv[1], atoi(argv[2]));
    Encoder *e = encoder_new(a, t);
    bool json = argc > 3 && !strcmp(argv[3], "--json");
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
            print_line(own, t, e, line, (size_t)len);
        }
        arena_free(own);
    }
    free(line);
    arena_free(a);
    return ferror(stdin) || fflush(stdout) != 0;
}
