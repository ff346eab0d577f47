/* Reads a YAML or JSON file into a checked tree of Nodes. YAML is read event by event, so that a
 * hostile file is refused at the first alias, the 33rd level or the 100,001st node, before it
 * costs memory. Only plain data comes out: no tags, no anchors, one document. */
#include "recipe.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum {
    MAX_DEPTH = 32,
    MAX_NODES = 100000,
    MAX_YAML_BYTES = 1 << 20,
    MAX_JSON_BYTES = 64 << 20,
};

typedef struct Reader {
    Arena *arena;
    const char *file;
    yaml_parser_t *parser; /* NULL for JSON */
    int n_nodes;
} Reader;

/* What the reader keeps of a yaml_event_t, which is deleted before anything can fail. */
typedef struct Event {
    yaml_event_type_t type;
    int line;
    const char *text; /* SCALAR */
    bool quoted;      /* SCALAR */
} Event;

static Node *new_node(Reader *r, NodeKind kind, int line, int depth)
{
    if (depth > MAX_DEPTH)
        fatal("%s:%d: nesting: more than %d levels", r->file, line, MAX_DEPTH);
    if (++r->n_nodes > MAX_NODES)
        fatal("%s:%d: size: more than %d values", r->file, line, MAX_NODES);
    Node *n = NEW(r->arena, Node, 1);
    n->kind = kind;
    n->file = r->file;
    n->line = line;
    return n;
}

/* Arrays grow when n is 0 or a power of two. */
static void add_child(Reader *r, Node *parent, const char *key, Node *child)
{
    int n = parent->n;
    if ((n & (n - 1)) == 0) {
        size_t cap = n ? 2 * (size_t)n : 1;
        Node **children = NEW(r->arena, Node *, cap);
        const char **keys = NEW(r->arena, const char *, cap);
        if (n) {
            memcpy(children, parent->child, (size_t)n * sizeof(*children));
            memcpy(keys, parent->key, (size_t)n * sizeof(*keys));
        }
        parent->child = children;
        parent->key = keys;
    }
    parent->child[n] = child;
    parent->key[n] = key;
    parent->n++;
}

/* YAML ------------------------------------------------------------------------------------- */

static void free_parser(void *ptr, size_t size)
{
    (void)size;
    yaml_parser_delete(ptr);
    free(ptr);
}

static _Noreturn void syntax_error(const Reader *r)
{
    const yaml_parser_t *p = r->parser;
    fatal("%s:%zu: not YAML: %s", r->file, p->problem_mark.line + 1,
          p->problem ? p->problem : "out of memory");
}

/* What this format leaves out, or NULL. */
static const char *refused_part(const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch ((int)e->type) {
    case YAML_ALIAS_EVENT: return "an alias";
    case YAML_SCALAR_EVENT:
        if (memchr(e->data.scalar.value, 0, e->data.scalar.length))
            return "a NUL character";
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    default: break;
    }
    return anchor ? "an anchor" : tag ? "a tag" : NULL;
}

static Event next_event(Reader *r)
{
    yaml_event_t raw;
    if (!yaml_parser_parse(r->parser, &raw))
        syntax_error(r);
    Event e = {.type = raw.type, .line = (int)raw.start_mark.line + 1};
    const char *refused = refused_part(&raw);
    if (raw.type == YAML_SCALAR_EVENT) {
        e.text =
            arena_strndup(r->arena, (const char *)raw.data.scalar.value, raw.data.scalar.length);
        e.quoted = raw.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    }
    yaml_event_delete(&raw);
    if (refused)
        fatal("%s:%d: not allowed: %s", r->file, e.line, refused);
    return e;
}

typedef struct Entry {
    const char *key;
    int line;
} Entry;

static int compare_entries(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* By sorting: a hostile map of 50,000 keys must not take a quadratic search. */
static void check_duplicates(Reader *r, const Node *map)
{
    if (map->n < 2)
        return;
    Entry *e = NEW(r->arena, Entry, map->n);
    for (int i = 0; i < map->n; i++)
        e[i] = (Entry){map->key[i], map->child[i]->line};
    qsort(e, (size_t)map->n, sizeof(*e), compare_entries);
    for (int i = 1; i < map->n; i++) {
        if (strcmp(e[i - 1].key, e[i].key) == 0)
            fatal("%s:%d: %s: given twice, first on line %d", r->file, e[i].line,
                  text_clip(e[i].key).s, e[i - 1].line);
    }
}

static Node *read_yaml_node(Reader *r, Event e, int depth);

static Node *read_yaml_map(Reader *r, Event start, int depth)
{
    Node *map = new_node(r, NODE_MAP, start.line, depth);
    for (;;) {
        Event key = next_event(r);
        if (key.type == YAML_MAPPING_END_EVENT)
            break;
        if (key.type != YAML_SCALAR_EVENT)
            fatal("%s:%d: key: must be text, not a list or a map", r->file, key.line);
        Node *child = read_yaml_node(r, next_event(r), depth + 1);
        child->line = key.line; /* messages name the key, so they give its line */
        add_child(r, map, key.text, child);
    }
    check_duplicates(r, map);
    return map;
}

static Node *read_yaml_list(Reader *r, Event start, int depth)
{
    Node *list = new_node(r, NODE_LIST, start.line, depth);
    for (;;) {
        Event e = next_event(r);
        if (e.type == YAML_SEQUENCE_END_EVENT)
            return list;
        add_child(r, list, NULL, read_yaml_node(r, e, depth + 1));
    }
}

static Node *read_yaml_node(Reader *r, Event e, int depth)
{
    if (e.type == YAML_MAPPING_START_EVENT)
        return read_yaml_map(r, e, depth);
    if (e.type == YAML_SEQUENCE_START_EVENT)
        return read_yaml_list(r, e, depth);
    if (e.type != YAML_SCALAR_EVENT)
        die("unexpected YAML event %d", (int)e.type);
    Node *n = new_node(r, NODE_SCALAR, e.line, depth);
    n->text = e.text;
    n->quoted = e.quoted;
    return n;
}

/* An empty file is an empty map: a recipe of nothing but comments changes nothing. */
Node *yaml_parse(Arena *a, const char *name, const char *text, size_t n)
{
    Reader r = {.arena = a, .file = arena_strndup(a, name, strlen(name))};
    if (n > MAX_YAML_BYTES)
        fatal("%s: size: %zu bytes, more than %d", name, n, MAX_YAML_BYTES);
    r.parser = calloc(1, sizeof(*r.parser));
    if (!r.parser || !yaml_parser_initialize(r.parser))
        fatal("%s: out of memory", name);
    arena_on_free(a, free_parser, r.parser, sizeof(*r.parser));
    yaml_parser_set_input_string(r.parser, (const unsigned char *)text, n);

    next_event(&r); /* stream start */
    Event e = next_event(&r);
    if (e.type == YAML_STREAM_END_EVENT)
        return new_node(&r, NODE_MAP, 1, 1);
    Node *root = read_yaml_node(&r, next_event(&r), 1);
    next_event(&r); /* document end */
    e = next_event(&r);
    if (e.type != YAML_STREAM_END_EVENT)
        fatal("%s:%d: document: a second one starts here, one is allowed", name, e.line);
    return root;
}

/* JSON ------------------------------------------------------------------------------------- */

static void free_json(void *ptr, size_t size)
{
    (void)size;
    json_decref(ptr);
}

/* null becomes a plain empty scalar, which is how YAML writes it. */
static Node *json_scalar(Reader *r, const json_t *value, int depth)
{
    Node *n = new_node(r, NODE_SCALAR, 0, depth);
    n->quoted = json_is_string(value);
    switch (json_typeof(value)) {
    case JSON_STRING:
        n->text = arena_strndup(r->arena, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        n->text = arena_printf(r->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL: n->text = arena_printf(r->arena, "%.17g", json_real_value(value)); break;
    case JSON_TRUE: n->text = "true"; break;
    case JSON_FALSE: n->text = "false"; break;
    case JSON_NULL: n->text = ""; break;
    case JSON_OBJECT:
    case JSON_ARRAY: die("not a scalar");
    }
    return n;
}

static Node *json_node(Reader *r, json_t *value, int depth)
{
    if (json_is_array(value)) {
        Node *list = new_node(r, NODE_LIST, 0, depth);
        for (size_t i = 0; i < json_array_size(value); i++)
            add_child(r, list, NULL, json_node(r, json_array_get(value, i), depth + 1));
        return list;
    }
    if (json_is_object(value)) {
        Node *map = new_node(r, NODE_MAP, 0, depth);
        const char *key;
        json_t *child;
        json_object_foreach(value, key, child) add_child(
            r, map, arena_strndup(r->arena, key, strlen(key)), json_node(r, child, depth + 1));
        return map;
    }
    return json_scalar(r, value, depth);
}

static Node *json_read(Arena *a, const File *f)
{
    if (f->size > MAX_JSON_BYTES)
        fatal("%s: size: %zu bytes, more than %d", f->path, f->size, MAX_JSON_BYTES);
    json_error_t error;
    json_t *root = json_loadb((const char *)f->data, f->size, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fatal("%s:%d: not JSON: %s", f->path, error.line, text_clip(error.text).s);
    arena_on_free(a, free_json, root, 0);
    Reader r = {.arena = a, .file = arena_strndup(a, f->path, strlen(f->path))};
    return json_node(&r, root, 1);
}

Node *yaml_read(Arena *a, const char *path)
{
    File f = file_map(a, path);
    size_t n = strlen(path);
    if (n >= 5 && strcmp(path + n - 5, ".json") == 0)
        return json_read(a, &f);
    return yaml_parse(a, path, (const char *)f.data, f.size);
}
