/* Which names can be the prefix of generated code. With prefix P there are files P.h and P.c, a
 * type P_t, functions P_..., macros in capitals: P must not be a keyword, P.h not a standard
 * header, P_t not a standard type, and nothing may hold the two underscores that C++ reserves. */
#include "recipe.h"

#include <string.h>

#define MAX_PREFIX 16 /* C promises 31 significant characters to external names */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char *const taken_names[] = {
    "alignas",   "alignof",   "and",      "asm",         "assert",    "auto",      "bitand",
    "bitor",     "bool",      "break",    "case",        "catch",     "char",      "class",
    "clock",     "compl",     "complex",  "concept",     "const",     "consteval", "constexpr",
    "constinit", "continue",  "ctype",    "decltype",    "default",   "delete",    "div",
    "do",        "double",    "else",     "enum",        "errno",     "explicit",  "export",
    "extern",    "false",     "fenv",     "float",       "for",       "fpos",      "friend",
    "goto",      "if",        "inline",   "int",         "int16",     "int32",     "int64",
    "int8",      "intmax",    "intptr",   "inttypes",    "iso646",    "ldiv",      "limits",
    "lldiv",     "locale",    "long",     "math",        "mbstate",   "mutable",   "namespace",
    "new",       "noexcept",  "not",      "nullptr",     "off",       "operator",  "or",
    "private",   "protected", "ptrdiff",  "public",      "register",  "requires",  "restrict",
    "return",    "setjmp",    "short",    "signal",      "signed",    "size",      "sizeof",
    "ssize",     "static",    "stdalign", "stdarg",      "stdatomic", "stdbool",   "stddef",
    "stdint",    "stdio",     "stdlib",   "stdnoreturn", "string",    "struct",    "switch",
    "template",  "tgmath",    "this",     "threads",     "throw",     "time",      "true",
    "try",       "typedef",   "typeid",   "typename",    "typeof",    "uchar",     "uint16",
    "uint32",    "uint64",    "uint8",    "uintmax",     "uintptr",   "union",     "unsigned",
    "using",     "virtual",   "void",     "volatile",    "wchar",     "wctype",    "while",
    "wint",      "xor",
};

const char *prefix_fault(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > MAX_PREFIX)
        return "must have 1 to " TEXT(MAX_PREFIX) " characters: it is a C prefix";
    if (s[0] < 'a' || s[0] > 'z' || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
        return "must be a lower-case C name, [a-z][a-z0-9_]*";
    if (strstr(s, "__") || s[n - 1] == '_')
        return "would make names with two underscores, which C++ reserves";
    for (size_t i = 0; i < LENGTH(taken_names); i++) {
        if (strcmp(s, taken_names[i]) == 0)
            return "is taken: a C or C++ keyword, standard header or type";
    }
    return NULL;
}
