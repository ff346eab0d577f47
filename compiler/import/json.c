/* Checked JSON: jansson trees that live as long as the arena, and getters that name the file,
 * the key and the value that they refuse. */
#include "import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_JSON_FILE ((size_t)256 << 20)

static void release(void *ptr, size_t size)
{
    (void)size;
    json_decref(ptr);
}

json_t *own_json(Arena *a, json_t *value)
{
    if (!value)
        fatal("out of memory");
    arena_on_free(a, release, value, 0);
    return value;
}

json_t *parse_json(Arena *a, const char *where, const uint8_t *text, size_t n)
{
    json_error_t e;
    json_t *root = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        fatal("%s: not valid JSON: line %d, column %d: %s", where, e.line, e.column, e.text);
    own_json(a, root);
    if (!json_is_object(root))
        fatal("%s: not valid JSON for this use: an object was expected", where);
    return root;
}

json_t *read_json(Arena *a, const char *path)
{
    File f = file_map(a, path);
    if (f.size > MAX_JSON_FILE)
        fatal("%s: %zu bytes: a JSON file is limited to %zu", path, f.size, MAX_JSON_FILE);
    return parse_json(a, path, f.data, f.size);
}

/* Control characters in a value must not reach the terminal: JSON_ENSURE_ASCII escapes them. */
void bad_value(const char *where, const char *key, const json_t *value, const char *why)
{
    char shown[64] = "(missing)";
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    if (text) {
        size_t n = strlen(text), keep = n < sizeof shown ? n : sizeof shown - 4;
        memcpy(shown, text, keep);
        strcpy(shown + keep, keep < n ? "..." : "");
        free(text);
    }
    fatal("%s: %s: %s: %s", where, key, shown, why);
}

json_t *get_value(const json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

static int to_int(const char *where, const char *key, const json_t *v, int min, int max)
{
    double d = json_number_value(v);
    if (!json_is_number(v) || d < min || d > max || d != floor(d)) {
        char why[80];
        snprintf(why, sizeof why, "an integer from %d to %d was expected", min, max);
        bad_value(where, key, v, why);
    }
    return (int)d;
}

int get_int(const char *where, const json_t *object, const char *key, int min, int max,
            int fallback)
{
    json_t *v = get_value(object, key);
    return v ? to_int(where, key, v, min, max) : fallback;
}

int need_int(const char *where, const json_t *object, const char *key, int min, int max)
{
    return to_int(where, key, json_object_get(object, key), min, max);
}

double get_double(const char *where, const json_t *object, const char *key, double min, double max,
                  double fallback)
{
    json_t *v = get_value(object, key);
    if (!v)
        return fallback;
    double d = json_number_value(v);
    if (!json_is_number(v) || !(d >= min && d <= max)) {
        char why[80];
        snprintf(why, sizeof why, "a number from %g to %g was expected", min, max);
        bad_value(where, key, v, why);
    }
    return d;
}

bool get_bool(const char *where, const json_t *object, const char *key, bool fallback)
{
    json_t *v = get_value(object, key);
    if (v && !json_is_boolean(v))
        bad_value(where, key, v, "true or false was expected");
    return v ? json_is_true(v) : fallback;
}

const char *get_string(const char *where, const json_t *object, const char *key,
                       const char *fallback)
{
    json_t *v = get_value(object, key);
    if (v && !json_is_string(v))
        bad_value(where, key, v, "a string was expected");
    return v ? json_string_value(v) : fallback;
}

json_t *get_object(const char *where, const json_t *object, const char *key)
{
    json_t *v = get_value(object, key);
    if (v && !json_is_object(v))
        bad_value(where, key, v, "an object was expected");
    return v;
}

json_t *get_array(const char *where, const json_t *object, const char *key)
{
    json_t *v = get_value(object, key);
    if (v && !json_is_array(v))
        bad_value(where, key, v, "an array was expected");
    return v;
}
