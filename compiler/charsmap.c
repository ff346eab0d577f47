/* SentencePiece's precompiled charsmap (normalizer.cc there): the bytes of a double-array trie, the
 * trie (Darts-clone's format, Yata 2006), then the strings that its leaves are places of. Equal
 * subtrees are shared, so it is read node by node, into a tree of characters instead of bytes. */
#include "program.h"
#include "runtime.h"

#include <string.h>
#include <xxhash.h>

enum { MOST_EDGES = 1 << 18, MOST_CHARS = 16, MOST_STRING = 255, UNREAD = -2, READING = -3 };

typedef struct Trie {
    Arena *arena;
    const char *path;
    const uint8_t *units;
    uint32_t n_units;
    CharTree tree;
    int32_t *node_at; /* n_units: of the node whose children begin there; UNREAD, READING */
    int32_t *slot;    /* nodes by their edges: open addressing, at most half full; CHARSMAP_NONE */
    uint32_t mask;
    int n_edges;
} Trie;

static uint32_t unit_at(const Trie *t, uint32_t i)
{
    if (i >= t->n_units) {
        fatal("%s: precompiled_charsmap: a node past the end of the trie", t->path);
    }
    return read_u32le(t->units + 4 * (size_t)i);
}

/* Where the children of a unit begin. */
static uint32_t children_of(const Trie *t, uint32_t at)
{
    const uint32_t unit = unit_at(t, at);
    return at ^ (unit >> 10) << ((unit & 0x200) >> 6);
}

/* What the sequence that ends at a unit becomes. */
static int32_t string_at(Trie *t, uint32_t at, int char_bytes)
{
    const uint32_t place = unit_at(t, children_of(t, at)) & 0x7FFFFFFF;
    const char *s = t->tree.strings + place;
    const char *end = place < t->tree.n_strings ? memchr(s, 0, t->tree.n_strings - place) : NULL;
    if (!end || end - s > MOST_STRING) {
        fatal("%s: precompiled_charsmap: a string without end, or of over %d bytes", t->path,
              MOST_STRING);
    }
    lm_text text = {(const uint8_t *)s, 0, (uint32_t)(end - s), 0, 0};
    for (uint32_t i = 0, length; i < text.n; i += length) {
        if (lm_text_char(&text, i, &length) == LM_BAD_CHAR) {
            fatal("%s: precompiled_charsmap: a string is not UTF-8: supported: UTF-8", t->path);
        }
    }
    const int growth = ((int)text.n + char_bytes - 1) / char_bytes;
    t->tree.growth = growth > t->tree.growth ? growth : t->tree.growth;
    return (int32_t)place;
}

/* Edges of a node that is being read: `to` is its string, `node` where its children begin. */
typedef struct Edges {
    CharEdge *edge;
    int n;
} Edges;

static void add_edge(Trie *t, Edges *e, uint32_t code, uint32_t at, int char_bytes)
{
    const bool leaf = (unit_at(t, at) & 0x100) != 0;
    if (++t->n_edges > MOST_EDGES) {
        fatal("%s: precompiled_charsmap: over %d nodes", t->path, MOST_EDGES);
    }
    e->edge = arena_grow(t->arena, e->edge, e->n, sizeof *e->edge);
    e->edge[e->n++] = (CharEdge){code, leaf ? string_at(t, at, char_bytes) : CHARSMAP_NONE,
                                 (int32_t)children_of(t, at)};
}

/* The characters whose `n` first bytes are given; the bytes that follow begin at `base`. */
static void read_chars(Trie *t, uint32_t base, uint8_t *bytes, uint32_t n, Edges *e)
{
    for (uint32_t label = 1; label < 256; label++) {
        const uint32_t at = base ^ label;
        if (at >= t->n_units || (unit_at(t, at) & 0x800000FF) != label) {
            continue;
        }
        bytes[n] = (uint8_t)label;
        const uint32_t length = lm_utf8_length(bytes[0]);
        const bool whole = n + 1 == length, leaf = (unit_at(t, at) & 0x100) != 0;
        if (length == 0 || (n > 0 && !lm_utf8_follows(bytes[0], n, label)) || (leaf && !whole)) {
            fatal("%s: precompiled_charsmap: a string is not UTF-8: supported: UTF-8", t->path);
        }
        if (whole) {
            uint32_t passed;
            lm_text text = {bytes, 0, length, 0, 0};
            add_edge(t, e, lm_text_char(&text, 0, &passed), at, (int)length);
        } else {
            read_chars(t, children_of(t, at), bytes, n + 1, e);
        }
    }
}

static int find_node(Trie *t, const Edges *e)
{
    const size_t bytes = (size_t)e->n * sizeof *e->edge;
    uint32_t i = (uint32_t)XXH3_64bits(e->edge, bytes) & t->mask;
    for (; t->slot[i] != CHARSMAP_NONE; i = (i + 1) & t->mask) {
        const CharNode *node = &t->tree.nodes[t->slot[i]];
        if (node->n == e->n && !memcmp(node->edges, e->edge, bytes)) {
            return t->slot[i];
        }
    }
    t->tree.nodes = arena_grow(t->arena, t->tree.nodes, t->tree.n_nodes, sizeof *t->tree.nodes);
    t->tree.nodes[t->tree.n_nodes] = (CharNode){e->edge, e->n};
    t->slot[i] = t->tree.n_nodes;
    return t->tree.n_nodes++;
}

static Edges read_edges(Trie *t, uint32_t base, int depth);

/* The node whose children begin at `base`; CHARSMAP_NONE: it has none. */
static int read_node(Trie *t, uint32_t base, int depth)
{
    if (base >= t->n_units || depth > MOST_CHARS || t->node_at[base] == READING) {
        fatal("%s: precompiled_charsmap: sequences of over %d characters, or without end", t->path,
              MOST_CHARS);
    }
    if (t->node_at[base] == UNREAD) {
        t->node_at[base] = READING;
        const Edges e = read_edges(t, base, depth);
        t->node_at[base] = e.n ? find_node(t, &e) : CHARSMAP_NONE;
    }
    return t->node_at[base];
}

static Edges read_edges(Trie *t, uint32_t base, int depth)
{
    Edges e = {0};
    uint8_t bytes[4];
    read_chars(t, base, bytes, 0, &e);
    for (int i = 0; i < e.n; i++) {
        e.edge[i].node = read_node(t, (uint32_t)e.edge[i].node, depth + 1);
    }
    return e;
}

static Trie new_trie(Arena *a, const char *path, const uint8_t *data, int n)
{
    const uint32_t size = n < 8 ? 0 : read_u32le(data);
    if (size < 4 || size % 4 || size > (uint32_t)n - 4 || n > MAX_CHARSMAP) {
        fatal("%s: precompiled_charsmap: a trie of %u bytes in %d: supported: at most %d in all",
              path, (unsigned)size, n, MAX_CHARSMAP);
    }
    Trie t = {.arena = a, .path = path, .units = data + 4, .n_units = size / 4, .mask = 1};
    t.tree.n_strings = (uint32_t)n - 4 - size;
    t.tree.strings = (const char *)data + 4 + size;
    t.tree.growth = 3; /* of a malformed byte */
    t.node_at = NEW(a, int32_t, t.n_units);
    for (uint32_t i = 0; i < t.n_units; i++) {
        t.node_at[i] = UNREAD;
    }
    while (t.mask < 2 * t.n_units) {
        t.mask = 2 * t.mask + 1;
    }
    t.slot = NEW(a, int32_t, t.mask + 1);
    memset(t.slot, 0xFF, (t.mask + 1) * sizeof *t.slot);
    return t;
}

CharTree charsmap_tree(Arena *a, const char *path, const uint8_t *data, int n)
{
    if (n == 0) {
        return (CharTree){.growth = 3};
    }
    Trie t = new_trie(a, path, data, n);
    const Edges root = read_edges(&t, children_of(&t, 0), 1);
    t.tree.root = (CharNode){root.edge, root.n};
    return t.tree;
}
