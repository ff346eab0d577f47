/* QEMU plugin (API version 1, QEMU 5 to 8) that counts what a guest executes between the two
 * markers of board.h: instructions, loads and stores, the markers themselves left out. For every
 * stop it prints "icount: INSTRUCTIONS LOADS STORES" to stderr. With pcprof=FILE it also writes how
 * often each instruction ran between markers: lines of "PC COUNT", in hexadecimal and decimal, by
 * address. With strict-align=on an unaligned access ends the run with status 99, as it does on an
 * ARMv6-M core and does not on QEMU's. Distributions ship no QEMU headers, so what is used is
 * declared here. Build: cc -O2 -shared -fPIC -o icount.so icount.c
 * Use: qemu-... -plugin ./icount.so[,pcprof=FILE][,strict-align=on] */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* The beginning of QEMU's struct; more follows. */
typedef struct qemu_info_t {
    const char *target_name;
} qemu_info_t;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_RW = 3 };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };

typedef void TranslateFn(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void ExecFn(unsigned cpu, void *user);
typedef void MemFn(unsigned cpu, qemu_plugin_meminfo_t, uint64_t address, void *user);
typedef void ExitFn(qemu_plugin_id_t, void *user);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, TranslateFn *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, ExecFn *,
                                            enum qemu_plugin_cb_flags, void *user);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, enum qemu_plugin_op,
                                                void *counter, uint64_t add);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, MemFn *, enum qemu_plugin_cb_flags,
                                      enum qemu_plugin_mem_rw, void *user);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, ExitFn *, void *user);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(qemu_plugin_id_t, const qemu_info_t *, int argc, char **argv);

int qemu_plugin_version = 1;

/* The markers' bytes in memory order, per QEMU target. */
typedef struct Markers {
    const char *target;
    size_t size;
    uint8_t start[4], stop[4];
} Markers;

static const Markers marker_table[] = {
    {"arm", 2, {0xC9, 0x46}, {0xD2, 0x46}},                             /* mov r9, r9 (Thumb) */
    {"riscv32", 4, {0x13, 0x20, 0x10, 0x00}, {0x13, 0x20, 0x20, 0x00}}, /* slti x0, x0, 1 */
    {"xtensa", 3, {0x90, 0x99, 0x20}, {0xA0, 0xAA, 0x20}},              /* or a9, a9, a9 */
    {"ppc", 4, {0x7D, 0x29, 0x4B, 0x78}, {0x7D, 0x4A, 0x53, 0x78}},     /* or 9, 9, 9 */
};

typedef struct Counts {
    uint64_t instructions, loads, stores;
} Counts;

/* One instruction of the guest, by address. Translated code adds to `executed` by its address,
 * so a Site never moves. */
typedef struct Site {
    uint64_t pc;
    uint64_t executed; /* since the guest began */
    uint64_t at_start; /* its value at the last start marker */
    uint64_t counted;  /* sum over all start/stop pairs */
} Site;

#define MAX_SITES (1u << 19)
#define HASH_SIZE (2 * MAX_SITES)

static const Markers *markers;
static bool strict_align;
static Counts now, at_start;
static const char *profile_path; /* NULL: no profile */
static Site *sites;
static uint32_t n_sites;
static uint32_t *site_hash; /* index + 1 into sites, 0: free */

static Site *find_site(uint64_t pc)
{
    uint32_t h = (uint32_t)((pc * 0x9E3779B97F4A7C15u) >> 40) % HASH_SIZE;
    while (site_hash[h] != 0 && sites[site_hash[h] - 1].pc != pc) {
        h = (h + 1) % HASH_SIZE;
    }
    if (site_hash[h] == 0) {
        if (n_sites == MAX_SITES) {
            fprintf(stderr, "icount: more than %u instructions to profile\n", MAX_SITES);
            exit(1);
        }
        sites[n_sites].pc = pc;
        site_hash[h] = ++n_sites;
    }
    return &sites[site_hash[h] - 1];
}

static void on_start(unsigned cpu, void *user)
{
    (void)cpu;
    (void)user;
    for (uint32_t i = 0; i < n_sites; i++) {
        sites[i].at_start = sites[i].executed;
    }
    at_start = now;
}

static void on_stop(unsigned cpu, void *user)
{
    (void)cpu;
    (void)user;
    fprintf(stderr, "icount: %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
            now.instructions - at_start.instructions, now.loads - at_start.loads,
            now.stores - at_start.stores);
    fflush(stderr);
    for (uint32_t i = 0; i < n_sites; i++) {
        sites[i].counted += sites[i].executed - sites[i].at_start;
        sites[i].at_start = sites[i].executed;
    }
}

/* One callback for both kinds, which asks: QEMU 7.2 swaps loads and stores where they are
 * registered apart, and only in some of its code paths. */
static void on_memory(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *user)
{
    (void)cpu;
    if (qemu_plugin_mem_is_store(info)) {
        now.stores++;
    } else {
        now.loads++;
    }
    uint64_t size = 1u << qemu_plugin_mem_size_shift(info);
    if (strict_align && (address & (size - 1)) != 0) {
        fprintf(stderr,
                "icount: at %" PRIxPTR ": unaligned access of %" PRIu64 " bytes to %" PRIx64 "\n",
                (uintptr_t)user, size, address);
        _exit(99); /* from within the guest's thread: QEMU's own exit handlers would wait for it */
    }
}

/* Compares the marker's own bytes only: QEMU 7.2 appends the next halfword to a 16-bit
 * instruction when the one after it crosses a page, so the size can be too large. */
static bool is_marker(const struct qemu_plugin_insn *insn, const uint8_t *bytes)
{
    return qemu_plugin_insn_size(insn) >= markers->size &&
           memcmp(qemu_plugin_insn_data(insn), bytes, markers->size) == 0;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t n = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        if (is_marker(insn, markers->start)) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_start, QEMU_PLUGIN_CB_NO_REGS, NULL);
            continue;
        }
        if (is_marker(insn, markers->stop)) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_stop, QEMU_PLUGIN_CB_NO_REGS, NULL);
            continue;
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                                   &now.instructions, 1);
        uint64_t pc = qemu_plugin_insn_vaddr(insn);
        qemu_plugin_register_vcpu_mem_cb(insn, on_memory, QEMU_PLUGIN_CB_NO_REGS,
                                         QEMU_PLUGIN_MEM_RW, (void *)(uintptr_t)pc);
        if (profile_path != NULL) {
            Site *site = find_site(pc);
            qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                                       &site->executed, 1);
        }
    }
}

static int by_pc(const void *a, const void *b)
{
    uint64_t p = ((const Site *)a)->pc, q = ((const Site *)b)->pc;
    return (p > q) - (p < q);
}

static void write_profile(qemu_plugin_id_t id, void *user)
{
    (void)id;
    (void)user;
    FILE *f = fopen(profile_path, "w");
    if (f == NULL) {
        fprintf(stderr, "icount: %s: cannot be written\n", profile_path);
        return;
    }
    qsort(sites, n_sites, sizeof *sites, by_pc); /* the guest has ended: nothing adds any more */
    for (uint32_t i = 0; i < n_sites; i++) {
        if (sites[i].counted > 0) {
            fprintf(f, "%" PRIx64 " %" PRIu64 "\n", sites[i].pc, sites[i].counted);
        }
    }
    if (ferror(f) | fclose(f)) {
        fprintf(stderr, "icount: %s: write error\n", profile_path);
    }
}

/* QEMU frees the arguments after the installation, hence the copy. */
static bool begin_profile(qemu_plugin_id_t id, const char *path)
{
    profile_path = strdup(path);
    sites = calloc(MAX_SITES, sizeof *sites);
    site_hash = calloc(HASH_SIZE, sizeof *site_hash);
    if (profile_path == NULL || sites == NULL || site_hash == NULL) {
        fprintf(stderr, "icount: no memory for a profile\n");
        return false;
    }
    qemu_plugin_register_atexit_cb(id, write_profile, NULL);
    return true;
}

static bool read_argument(qemu_plugin_id_t id, const char *argument)
{
    static const char profile[] = "pcprof=";
    if (strncmp(argument, profile, sizeof profile - 1) == 0) {
        return begin_profile(id, argument + sizeof profile - 1);
    }
    if (strcmp(argument, "strict-align=on") == 0) {
        strict_align = true;
        return true;
    }
    fprintf(stderr, "icount: %s: unknown argument; there are pcprof=FILE and strict-align=on\n",
            argument);
    return false;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof marker_table / sizeof marker_table[0]; i++) {
        if (strcmp(info->target_name, marker_table[i].target) == 0) {
            markers = &marker_table[i];
        }
    }
    if (markers == NULL) {
        fprintf(stderr, "icount: %s: no markers are known for this target\n", info->target_name);
        return 1;
    }
    for (int i = 0; i < argc; i++) {
        if (!read_argument(id, argv[i])) {
            return 1;
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
