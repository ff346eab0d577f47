/* Where grammars come from: a recipe, which has their text, or files, whose text goes into the
 * recipe, so that a manifest is complete. */
#include "grammar.h"

#include <ctype.h>
#include <string.h>

enum { MAX_GRAMMARS = 64, MAX_NAME = 32 };

static void check_name(const char *name)
{
    const size_t n = strlen(name);
    if (n == 0 || n > MAX_NAME || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
        fatal("grammar %s: the name must be a lower-case C name, [a-z][a-z0-9_]*, of at most %d "
              "characters",
              text_clip(name).s, MAX_NAME);
}

void grammar_add(Arena *a, NamedTexts *to, const char *name, const char *text)
{
    check_name(name);
    Grammar *parsed = grammar_parse(a, name, text);
    grammar_automaton(a, &parsed, 1); /* is refused now if it is too large, not after the passes */
    int i = 0;
    while (i < to->n && strcmp(to->name[i], name) != 0)
        i++;
    if (i == MAX_GRAMMARS)
        fatal("grammar %s: more than %d grammars", name, MAX_GRAMMARS);
    if (i == to->n) {
        to->name = arena_grow(a, (void *)to->name, i, sizeof *to->name);
        to->text = arena_grow(a, (void *)to->text, i, sizeof *to->text);
        to->n++;
    }
    to->name[i] = arena_strndup(a, name, strlen(name));
    to->text[i] = arena_strndup(a, text, strlen(text));
}

void grammar_add_file(Arena *a, NamedTexts *to, const char *path)
{
    const File f = file_map(a, path);
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *name = arena_strndup(a, base, strcspn(base, "."));
    for (char *c = name; *c; c++)
        *c = *c == '-' || *c == ' ' ? '_' : (char)tolower((unsigned char)*c);
    if (f.size > 0 && memchr(f.data, 0, f.size))
        fatal("%s: not a text", path);
    grammar_add(a, to, name, arena_strndup(a, (const char *)f.data, f.size));
}
