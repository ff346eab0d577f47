/* The compile cache: what a compile wrote, by everything that it depends on. The key is a 128-bit
 * XXH3 hash of this program itself, of the contents of every file that was read (model, tokenizer,
 * recipe, target, texts; their names do not matter), of the recipe in full and of the options. An
 * entry is one zstd frame with a checksum; one that is damaged in any way is as good as none. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#define MAGIC "lmcc-cache 1\n"
#define MAX_BYTES ((int64_t)256 << 20) /* of all entries together, unless $LMCC_CACHE_SIZE says */
#define MAX_ENTRY ((size_t)1 << 30)    /* of one, unpacked */
#define LEVEL 3
#define STALE_SECONDS 3600 /* a file that was never finished */

static char unfinished[4096]; /* empty: none */

void cache_discard_open(void)
{
    if (unfinished[0])
        unlink(unfinished);
    unfinished[0] = '\0';
}

static int64_t most_bytes(void)
{
    const char *text = getenv("LMCC_CACHE_SIZE");
    const Node n = {.kind = NODE_SCALAR, .text = text};
    return text && *text ? node_size(&n, "LMCC_CACHE_SIZE") : MAX_BYTES;
}

static bool make_folders(const char *path)
{
    char *part = strdup(path);
    bool made = part != NULL;
    for (char *c = part ? strchr(part + 1, '/') : NULL; made && c; c = strchr(c + 1, '/')) {
        *c = '\0';
        made = mkdir(part, 0700) == 0 || errno == EEXIST;
        *c = '/';
    }
    free(part);
    return made && (mkdir(path, 0700) == 0 || errno == EEXIST) && dir_exists(path);
}

/* $LMCC_CACHE, where empty means none; else lmcc/ in $XDG_CACHE_HOME or ~/.cache. NULL: none. */
static const char *cache_folder(Arena *a)
{
    const char *own = getenv("LMCC_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *dir = own                    ? own
                      : xdg && *xdg == '/'   ? path_join(a, xdg, "lmcc")
                      : home && *home == '/' ? path_join(a, home, ".cache/lmcc")
                                             : "";
    return *dir && make_folders(dir) ? dir : NULL;
}

static void add_text(XXH3_state_t *s, const char *text)
{
    const size_t n = text ? strlen(text) + 1 : 0;
    XXH3_128bits_update(s, &n, sizeof n);
    if (text)
        XXH3_128bits_update(s, text, n);
}

/* The texts that passes read; what open_unit has read is in the digest already. */
static void read_texts(Arena *a, const Unit *u)
{
    if (u->calib)
        file_map(a, u->calib);
    if (*u->recipe->vocab_corpus)
        file_map(a, u->recipe->vocab_corpus);
}

static void set_key(Cache *c, XXH128_hash_t h)
{
    c->key = arena_printf(c->arena, "%016llx%016llx", (unsigned long long)h.high64,
                          (unsigned long long)h.low64);
    c->path = path_join(c->arena, c->dir, arena_printf(c->arena, "%s.zst", c->key));
}

static void make_key(Cache *c, const Unit *u, const Options *o)
{
    Buf recipe = {0};
    unsigned char digest[16];
    read_texts(c->arena, u);
    file_map(c->arena, "/proc/self/exe"); /* adds it to the digest */
    file_digest(digest);
    XXH3_state_t *s = XXH3_createState();
    if (!s)
        fatal("out of memory");
    XXH3_128bits_reset(s);
    XXH3_128bits_update(s, digest, sizeof digest);
    recipe_json(u->recipe, &recipe, 0);
    add_text(s, recipe.data);
    add_text(s, o->target);
    add_text(s, u->calib ? "calib" : NULL);
    for (int i = 0; i < o->n_sets; i++)
        add_text(s, o->sets[i]);
    const int64_t numbers[] = {u->flash_limit, u->ram_limit, wants_search(o)};
    XXH3_128bits_update(s, numbers, sizeof numbers);
    XXH3_128bits_update(s, &o->max_ms, sizeof o->max_ms);
    add_text(s, o->max_loss);
    add_text(s, o->prefer);
    set_key(c, XXH3_128bits_digest(s));
    XXH3_freeState(s);
    buf_free(&recipe);
}

Cache *cache_open(Arena *a, const Unit *u, const Options *o)
{
    /* Training goes on from a state file and changes it; dumps are not kept. */
    const bool suits = !o->no_cache && !o->dump && !o->until && !u->recover_state;
    const char *dir = suits && file_exists("/proc/self/exe") ? cache_folder(a) : NULL;
    if (!dir) {
        unsigned char digest[16];
        file_digest(digest);
        return NULL;
    }
    Cache *c = NEW(a, Cache, 1);
    *c = (Cache){.arena = a, .dir = dir};
    make_key(c, u, o);
    return c;
}

void cache_add(Cache *c, const char *text)
{
    set_key(c, XXH3_128bits_withSeed(text, strlen(text), XXH3_64bits(c->key, strlen(c->key))));
}

/* Packed: the magic, the key, then for each file two sizes, its name with a NUL, its bytes. The
 * first, without a name, is what was printed. */
static void pack(Buf *b, const char *name, const void *data, size_t n)
{
    const uint64_t sizes[2] = {strlen(name), n};
    buf_write(b, sizes, sizeof sizes);
    buf_write(b, name, strlen(name) + 1);
    buf_write(b, data, n);
}

static void pack_file(void *user, const char *name, const Buf *b)
{
    pack(user, name, b->data ? b->data : "", b->len);
}

void cache_begin(Cache *c, const Buf *printed, Output *out)
{
    buf_puts(&c->packed, MAGIC);
    buf_puts(&c->packed, c->key);
    pack(&c->packed, "", printed->data ? printed->data : "", printed->len);
    output_tee(out, pack_file, &c->packed);
}

/* Names as output_file takes them, below the folder. */
static bool good_name(const char *name, size_t n)
{
    return n > 0 && strlen(name) == n && name[0] != '/' && !strstr(name, "..");
}

/* One file of what was packed; false at the end and where nothing more makes sense. */
static bool unpack(const Buf *b, size_t *at, const char **name, Buf *file)
{
    uint64_t sizes[2];
    if (b->len - *at < sizeof sizes)
        return false;
    memcpy(sizes, b->data + *at, sizeof sizes);
    const size_t left = b->len - *at - sizeof sizes;
    if (sizes[0] >= left || sizes[1] > left - sizes[0] - 1)
        return false;
    *name = b->data + *at + sizeof sizes;
    file->data = b->data + *at + sizeof sizes + sizes[0] + 1;
    file->len = (size_t)sizes[1];
    *at += sizeof sizes + (size_t)sizes[0] + 1 + (size_t)sizes[1];
    return (*name)[sizes[0]] == '\0' && strlen(*name) == sizes[0];
}

/* The entry's bytes; empty where there is none that is whole. */
static Buf load(const Cache *c)
{
    Buf b = {0};
    if (!file_exists(c->path))
        return b;
    Arena *a = arena_new();
    const File f = file_map(a, c->path);
    const unsigned long long size = ZSTD_getFrameContentSize(f.data, f.size);
    const size_t head = strlen(MAGIC) + strlen(c->key);
    if (size != ZSTD_CONTENTSIZE_ERROR && size != ZSTD_CONTENTSIZE_UNKNOWN && size > head &&
        size <= MAX_ENTRY && (b.data = malloc((size_t)size)) != NULL) {
        b.len = b.cap = (size_t)size;
        const size_t got = ZSTD_decompress(b.data, b.len, f.data, f.size);
        if (ZSTD_isError(got) || got != b.len || memcmp(b.data, MAGIC, strlen(MAGIC)) != 0 ||
            memcmp(b.data + strlen(MAGIC), c->key, strlen(c->key)) != 0)
            buf_free(&b);
    }
    arena_free(a);
    return b;
}

/* All names good, the bytes used up. */
static bool sound(const Cache *c, const Buf *b)
{
    size_t at = strlen(MAGIC) + strlen(c->key);
    const char *name;
    Buf file;
    int n = 0;
    for (; at < b->len; n++)
        if (!unpack(b, &at, &name, &file) || good_name(name, strlen(name)) != (n > 0) ||
            n > MAX_OUTPUT_FILES)
            return false;
    return n > 1;
}

Output *cache_restore(Cache *c, const char *dir, Buf *printed)
{
    Buf b = load(c), file;
    const char *name;
    if (!b.data || !sound(c, &b)) {
        buf_free(&b);
        return NULL;
    }
    size_t at = strlen(MAGIC) + strlen(c->key);
    unpack(&b, &at, &name, &file);
    buf_write(printed, file.data, file.len);
    Output *out = output_begin(c->arena, dir);
    while (unpack(&b, &at, &name, &file))
        output_file(out, name, &file);
    buf_free(&b);
    utimensat(AT_FDCWD, c->path, NULL, 0); /* the last that will be evicted */
    note("%s: taken from the cache", c->path);
    return out;
}

typedef struct Entry {
    const char *path;
    int64_t bytes;
    struct timespec used;
} Entry;

static int least_recent_first(const void *x, const void *y)
{
    const struct timespec a = ((const Entry *)x)->used, b = ((const Entry *)y)->used;
    return a.tv_sec != b.tv_sec ? (a.tv_sec > b.tv_sec) - (a.tv_sec < b.tv_sec)
                                : (a.tv_nsec > b.tv_nsec) - (a.tv_nsec < b.tv_nsec);
}

static bool named(const char *name, const char *begin, const char *end)
{
    const size_t n = strlen(name), k = strlen(end);
    return strncmp(name, begin, strlen(begin)) == 0 && n > k && strcmp(name + n - k, end) == 0;
}

/* Files of ours only: entries, least recently used first, until what is left is within bounds, and
 * what a compile that was killed has left. */
static void evict(const Cache *c)
{
    Arena *a = arena_new();
    Entry *list = NULL;
    int n = 0;
    int64_t bytes = 0;
    DIR *d = opendir(c->dir);
    for (struct dirent *f; d && (f = readdir(d));) {
        struct stat st;
        const char *path = path_join(a, c->dir, f->d_name);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (named(f->d_name, "unfinished-", "") && time(NULL) - st.st_mtime > STALE_SECONDS)
            unlink(path);
        if (strlen(f->d_name) != strlen(c->key) + 4 || !named(f->d_name, "", ".zst"))
            continue;
        list = arena_grow(a, list, n, sizeof *list);
        list[n++] = (Entry){path, st.st_size, st.st_mtim};
        bytes += st.st_size;
    }
    if (d)
        closedir(d);
    if (n > 1)
        qsort(list, (size_t)n, sizeof *list, least_recent_first);
    for (int i = 0; i < n && bytes > most_bytes(); bytes -= list[i++].bytes)
        unlink(list[i].path);
    arena_free(a);
}

/* Written beside its place and renamed, so that whoever reads sees all of it or nothing. */
static bool write_entry(const Cache *c, const void *data, size_t n)
{
    const int length = snprintf(unfinished, sizeof unfinished, "%s/unfinished-XXXXXX", c->dir);
    interrupt_hold();
    const int fd = length < (int)sizeof unfinished ? mkstemp(unfinished) : -1;
    if (fd < 0)
        unfinished[0] = '\0';
    interrupt_release();
    if (fd < 0)
        return false;
    const char *at = data;
    bool good = true;
    for (size_t left = n; left > 0 && good;) {
        const ssize_t wrote = write(fd, at, left);
        good = wrote > 0;
        at += good ? wrote : 0;
        left -= good ? (size_t)wrote : 0;
    }
    good = close(fd) == 0 && good && rename(unfinished, c->path) == 0;
    if (good)
        unfinished[0] = '\0';
    cache_discard_open();
    return good;
}

void cache_keep(Cache *c)
{
    const size_t room = ZSTD_compressBound(c->packed.len);
    void *small = malloc(room);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    if (small && z && c->packed.len <= MAX_ENTRY) {
        ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
        const size_t n = ZSTD_compress2(z, small, room, c->packed.data, c->packed.len);
        if (!ZSTD_isError(n) && (int64_t)n <= most_bytes() / 2 && write_entry(c, small, n))
            evict(c);
    }
    ZSTD_freeCCtx(z);
    free(small);
    buf_free(&c->packed);
}
