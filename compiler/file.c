/* Files: inputs are mapped read-only; outputs are staged in a temporary directory and renamed
 * into place together, so that a failing run leaves nothing behind. */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static void unmap(void *ptr, size_t size)
{
    munmap(ptr, size);
}

static XXH3_state_t *digest_state; /* NULL: no file counts */

void file_digest_begin(void)
{
    if (!digest_state)
        digest_state = XXH3_createState();
    if (!digest_state)
        fatal("out of memory");
    XXH3_128bits_reset(digest_state);
}

void file_digest(unsigned char digest[16])
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(digest_state));
    memcpy(digest, c.digest, 16);
    XXH3_freeState(digest_state);
    digest_state = NULL;
}

static void add_to_digest(const void *data, size_t size)
{
    if (!digest_state)
        return;
    XXH3_128bits_update(digest_state, &size, sizeof size);
    XXH3_128bits_update(digest_state, data, size);
}

/* O_NONBLOCK: opening a FIFO must fail the test for a regular file, not wait for its writer. */
File file_map(Arena *a, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        fatal("%s: cannot open: %s", path, strerror(errno));
    struct stat st;
    int err = fstat(fd, &st) ? errno : 0;
    bool regular = !err && S_ISREG(st.st_mode);
    void *data = NULL;
    if (regular && st.st_size > 0) {
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        err = data == MAP_FAILED ? errno : 0;
    }
    close(fd);
    if (err)
        fatal("%s: cannot read: %s", path, strerror(err));
    if (!regular)
        fatal("%s: cannot read: not a regular file", path);
    size_t size = (size_t)st.st_size;
    if (data)
        arena_on_free(a, unmap, data, size);
    add_to_digest(data ? data : "", size);
    return (File){path, data ? data : (const uint8_t *)"", size};
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *path_join(Arena *a, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    return arena_printf(a, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

char *path_dir(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_strndup(a, ".", 1);
    return arena_strndup(a, path, slash == path ? 1 : (size_t)(slash - path));
}

/* Output ----------------------------------------------------------------------------------- */

#define MAX_OUTPUT_FOLDERS 16

typedef struct Staged {
    char *temporary, *final;
} Staged;

struct Output {
    Arena *arena;
    const char *dir;
    char *stage;
    int n;
    int n_moved; /* files that commit already renamed */
    Staged files[MAX_OUTPUT_FILES];
    void (*tee)(void *user, const char *name, const Buf *b); /* NULL: nobody */
    void *tee_user;
    int n_made; /* folders below dir that commit made */
    char *made[MAX_OUTPUT_FOLDERS];
    int n_dropped;
    const char **dropped; /* names below dir */
};

static Output *open_output;

/* An existing directory holds the stage itself: it may be a link or a mount point, and rename(2)
 * does not cross file systems. One that is to be made gets its stage beside it. */
Output *output_begin(Arena *a, const char *dir)
{
    if (open_output)
        die("%s is still open", open_output->dir);
    Output *o = NEW(a, Output, 1);
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    o->arena = a;
    o->dir = arena_strndup(a, dir, n);
    if (!n)
        fatal("output directory: the name is empty");
    bool exists = dir_exists(o->dir);
    if (!exists && access(o->dir, F_OK) == 0)
        fatal("%s: cannot write into it: not a directory", dir);
    char *stage = arena_printf(a, exists ? "%s/.lmcc-XXXXXX" : "%s.lmcc-XXXXXX", o->dir);
    interrupt_hold();
    if (!mkdtemp(stage))
        fatal("%s: cannot write into it: %s", dir, strerror(errno));
    o->stage = stage;
    open_output = o;
    interrupt_release();
    return o;
}

void output_tee(Output *o, void (*each)(void *user, const char *name, const Buf *b), void *user)
{
    o->tee = each;
    o->tee_user = user;
}

void output_file(Output *o, const char *name, const Buf *b)
{
    if (o->n == MAX_OUTPUT_FILES || !*name || *name == '/')
        die("bad output file %s", name);
    if (o->tee)
        o->tee(o->tee_user, name, b);
    Staged *f = &o->files[o->n];
    f->temporary = arena_printf(o->arena, "%s/%d", o->stage, o->n);
    f->final = path_join(o->arena, o->dir, name);
    o->n++;
    FILE *out = fopen(f->temporary, "wbx");
    bool ok = out && fwrite(b->data ? b->data : "", 1, b->len, out) == b->len;
    int err = errno;
    if (out && fclose(out) && ok) {
        ok = false;
        err = errno;
    }
    if (!ok)
        fatal("%s: cannot write: %s", f->final, strerror(err));
}

bool output_has(const Output *o, const char *name)
{
    const size_t above = strlen(path_join(o->arena, o->dir, ""));
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->files[i].final + above, name) == 0)
            return true;
    return false;
}

void output_drop(Output *o, const char *name)
{
    o->dropped = arena_grow(o->arena, o->dropped, o->n_dropped, sizeof *o->dropped);
    o->dropped[o->n_dropped++] = name;
}

/* With the folders that it leaves empty, up to the output directory. */
static void remove_dropped(Output *o, const char *name)
{
    const char *slash = strrchr(name, '/');
    if (unlink(path_join(o->arena, o->dir, name)) != 0)
        return;
    while (slash) {
        name = arena_strndup(o->arena, name, (size_t)(slash - name));
        slash = rmdir(path_join(o->arena, o->dir, name)) == 0 ? strrchr(name, '/') : NULL;
    }
}

/* The folders between the output directory and a file. */
static void make_folders(Output *o, const char *file)
{
    for (const char *c = file + strlen(o->dir) + 1; (c = strchr(c, '/')) != NULL; c++) {
        char *folder = arena_strndup(o->arena, file, (size_t)(c - file));
        if (mkdir(folder, 0777) == 0) {
            if (o->n_made == MAX_OUTPUT_FOLDERS)
                die("%s: too many folders", folder);
            o->made[o->n_made++] = folder;
        } else if (errno != EEXIST || !dir_exists(folder)) {
            fatal("%s: cannot create: %s", folder, strerror(errno));
        }
    }
}

/* Files are kept readable for all that the umask allows by fopen; the directory likewise. */
void output_commit(Output *o)
{
    interrupt_hold();
    if (mkdir(o->dir, 0777) && errno != EEXIST)
        fatal("%s: cannot create: %s", o->dir, strerror(errno));
    for (int i = 0; i < o->n; i++) {
        make_folders(o, o->files[i].final);
        if (dir_exists(o->files[i].final))
            fatal("%s: cannot replace: it is a directory", o->files[i].final);
    }
    for (int i = 0; i < o->n; i++) {
        if (rename(o->files[i].temporary, o->files[i].final))
            fatal("%s: cannot write: %s", o->files[i].final, strerror(errno));
        o->n_moved = i + 1;
    }
    for (int i = 0; i < o->n_dropped; i++)
        remove_dropped(o, o->dropped[i]);
    rmdir(o->stage);
    open_output = NULL;
    interrupt_release();
}

/* Only unlink and rmdir on names made earlier: it may run in a signal handler. A commit that
 * failed half-way takes back what it moved: half an output would build and be wrong. */
void output_discard(Output *o)
{
    if (open_output != o)
        return;
    open_output = NULL;
    for (int i = 0; i < o->n; i++)
        unlink(i < o->n_moved ? o->files[i].final : o->files[i].temporary);
    for (int i = o->n_made - 1; i >= 0; i--)
        rmdir(o->made[i]);
    rmdir(o->stage);
}

void output_discard_open(void)
{
    if (open_output)
        output_discard(open_output);
}
