/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core_made.h"
#include "ioctl/copier.h"
#include "nomount/nomount.h"
#include "nomount/shadow.h"
#include "nomount/syscalls.h"
#include "nomount/walk.h"

/* A computer with a few directories and links of its own. */
static const struct real {
    const char *path, *target; /* target NULL: a directory; "": a file */
    dev_t device;
} reals[] = {{"/sys/bus", NULL},
             {"/sys/bus/pci", NULL},
             {"/sys/bus/pci/to-ap", "../ap/devices"},
             {"/sys/bus/mdev", NULL},
             {"/sys/class", NULL},
             {"/sys/class/misc", NULL},
             {"/sys/loop", "loop"},
             {"/sys/away", "/etc/passwd"},
             {"/sys", NULL},
             {"/dev", NULL},
             {"/dev/null", ""},
             {"/dev/web", ""},
             {"/dev/fd", "/proc/self/fd"},
             {"/dev/shm", NULL, 1},
             {"/dev/to-shm", "shm/x/y"},
             {"/dev/console", "nowhere", 2},
             {NULL, NULL}};

static const struct real *find(const char *path)
{
    for (const struct real *r = reals; r->path; r++)
        if (strcmp(r->path, path) == 0)
            return r;
    return NULL;
}

static int look(void *data, const char *path, struct walk_look *out)
{
    const struct real *r = find(path);

    assert_true(strncmp(path, "/dev/shm/", 9) != 0);
    if (!r)
        return -ENOENT;
    out->device = r->device;
    out->mode = !r->target ? S_IFDIR : *r->target ? S_IFLNK : S_IFREG;
    return 0;
}

static ssize_t read_link(void *data, const char *path, char *out, size_t size)
{
    const struct real *r = find(path);

    return r ? snprintf(out, size, "%s", r->target) : -ENOENT;
}

static struct core *core;
static struct walk_result at;

static int go(const char *path, bool follow)
{
    const struct walk_world world = {core_tree(core, CORE_HOST_TREE), look, read_link, NULL};

    return walk(&world, path, follow, &at);
}

static void leads(const char *path, enum walk_kind kind, const char *to)
{
    assert_int_equal(go(path, true), 0);
    assert_int_equal(at.kind, kind);
    assert_true(at.exists);
    assert_string_equal(at.path, to);
}

static void walks_in_the_tree(void **state)
{
    leads("/sys/bus/ap/apmask", WALK_OURS, "/sys/bus/ap/apmask");
    leads("/sys//bus/./ap/devices/card04/", WALK_OURS, "/sys/devices/ap/card04");
    assert_true(at.slash);
    leads("/sys/bus/ap/devices/card04/../card05/type", WALK_OURS, "/sys/devices/ap/card05/type");
    leads("/sys/class/misc/z90crypt/dev", WALK_OURS, "/sys/devices/virtual/misc/z90crypt/dev");
    leads("/sys/dev/char/10:196/dev", WALK_OURS, "/sys/devices/virtual/misc/vfio/dev");
    assert_int_equal(go("/sys/bus/ap/devices/card04", false), 0);
    assert_true(at.link);
    assert_int_equal(go("/sys/bus/ap/apmask/x", true), -ENOTDIR);
    assert_int_equal(go("/sys/bus/ap/nothing/x", true), -ENOENT);
    assert_int_equal(go("/sys/bus/ap/nothing", true), 0);
    assert_false(at.exists);
}

static void walks_over_the_border(void **state)
{
    leads("/sys/bus/ap/../pci", WALK_REAL, "/sys/bus/pci");
    assert_true(at.crossed);
    leads("/sys/bus/pci", WALK_REAL, "/sys/bus/pci");
    assert_false(at.crossed);
    leads("/sys/bus/pci/to-ap/card04/type", WALK_OURS, "/sys/devices/ap/card04/type");
    leads("/sys/bus", WALK_UNION, "/sys/bus");
    assert_true(at.real);
    leads("/sys/devices/virtual/misc", WALK_UNION, "/sys/devices/virtual/misc");
    assert_false(at.real);
    leads("/sys/bus/ap/../../..", WALK_REAL, "/");
    leads("/sys/away", WALK_REAL, "/etc/passwd");
    assert_int_equal(go("/sys/loop", true), -ELOOP);
}

/* What is mounted there may be a file system that does not answer: it is not asked. */
static void walks_in_mounts(void **state)
{
    leads("/dev/shm", WALK_REAL, "/dev/shm");
    leads("/dev/shm/x/bus/nosuch", WALK_REAL, "/dev/shm/x/bus/nosuch");
    assert_false(at.crossed);
    leads("/dev/shm/x/..", WALK_REAL, "/dev/shm");
    leads("/dev/shm/x/../../null", WALK_REAL, "/dev/null");
    leads("/dev/shm/x/../../../sys/bus/ap/apmask", WALK_OURS, "/sys/bus/ap/apmask");
    leads("/dev/to-shm/z", WALK_REAL, "/dev/shm/x/y/z");
    leads("/dev/console", WALK_REAL, "/dev/console");
    leads("/sys/bus/ap/../../../dev/shm/x", WALK_REAL, "/dev/shm/x");
    assert_true(at.crossed);
}

/* The tree comes first where a place is, the computer for other device nodes. */
static void names_of_both(void **state)
{
    leads("/sys/bus/mdev", WALK_OURS, "/sys/bus/mdev");
    leads("/dev/z90crypt", WALK_OURS, "/dev/z90crypt");
    leads("/dev/null", WALK_REAL, "/dev/null");
    leads("/dev/web", WALK_REAL, "/dev/web");
    leads("/dev/fd/3", WALK_REAL, "/proc/self/fd/3");
    assert_int_equal(go("/dev/nothing", true), 0);
    assert_int_equal(at.kind, WALK_REAL);
    assert_false(at.exists);
    leads("/proc/sysinfo", WALK_OURS, "/proc/sysinfo");
    assert_int_equal(go("/proc/sysinfo/x", true), -ENOTDIR);
    leads("/proc/cpuinfo", WALK_REAL, "/proc/cpuinfo");
}

/* The nodes of VFIO are the machine's, whatever the computer has of that name. */
static void nodes_of_vfio(void **state)
{
    assert_int_equal(go("/dev/vfio", true), 0);
    assert_int_equal(at.kind, WALK_OURS);
    assert_false(at.exists);
    core_show_vfio_nodes(core);
    leads("/dev/vfio/vfio", WALK_OURS, "/dev/vfio/vfio");
    leads("/dev/vfio/../null", WALK_REAL, "/dev/null");
    assert_int_equal(go("/dev/vfio/7", true), 0);
    assert_false(at.exists);
    assert_int_equal(go("/dev/vfio/vfio/x", true), -ENOTDIR);
}

static void paths_that_concern(void **state)
{
    static const char *const yes[] = {
        "/sys",      "/sys/bus",    "//sys",         "/usr/../sys/bus",      "/./dev/null",
        "/../sys/x", "/dev/../etc", "/proc/sysinfo", "/proc/self/../sysinfo"};
    static const char *const no[] = {"/",          "/system",      "/usr/sys",
                                     "/s/ys",      "/devel",       "/usr/../etc",
                                     "/proc/self", "/proc/sysinf", "/proc/sysinfo.old"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(walk_may_concern(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(walk_may_concern(no[i]));
}

static void long_paths(void **state)
{
    char path[3 * PATH_MAX] = "/sys";

    for (size_t i = 4; i < sizeof path - 3; i += 2)
        strcpy(path + i, "/x");
    assert_int_equal(go(path, true), -ENAMETOOLONG);
    path[PATH_MAX - 1] = '\0';
    assert_int_equal(go(path, true), -ENOENT);
    strcpy(path, "/sys/bus/ap/");
    memset(path + 12, 'y', NAME_MAX + 1);
    path[12 + NAME_MAX + 1] = '\0';
    assert_int_equal(go(path, true), 0); /* sysfs knows no longest name */
    assert_false(at.exists);
}

static void paths_of_nodes(void **state)
{
    static const char *const paths[] = {"/sys/bus/ap/apmask", "/dev/z90crypt",
                                        "/sys/bus/ap/devices/card04", "/dev/vfio",
                                        "/dev/vfio/vfio"};

    core_show_vfio_nodes(core);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        text_auto path = {0};

        assert_int_equal(go(paths[i], false), 0);
        walk_path_of(core_tree(core, CORE_HOST_TREE), at.ino, &path);
        assert_string_equal(path.data, paths[i]);
    }
}

#if defined(__x86_64__)
static struct nomount_request decode(int number, const uint64_t args[6])
{
    struct seccomp_data data = {.nr = number, .arch = AUDIT_ARCH_X86_64};
    struct nomount_request r;

    for (int i = 0; i < 6; i++)
        data.args[i] = args[i];
    assert_true(nomount_decode(&data, &r));
    return r;
}

static void system_calls(void **state)
{
    struct nomount_request r =
        decode(SYS_openat, (uint64_t[6]){(uint32_t)AT_FDCWD, 0x1000, O_NOFOLLOW | O_WRONLY, 0600});

    assert_int_equal(r.deed, NOMOUNT_OPEN);
    assert_int_equal(r.at, AT_FDCWD);
    assert_int_equal(r.path, 0x1000);
    assert_true(r.nofollow);
    assert_int_equal(r.flags & O_ACCMODE, O_WRONLY);
    r = decode(SYS_newfstatat, (uint64_t[6]){7, 0x1000, 0x2000, AT_EMPTY_PATH});
    assert_int_equal(r.at, 7);
    assert_int_equal(r.out, 0x2000);
    assert_true(r.empty);
    assert_false(r.nofollow);
    r = decode(SYS_fchownat, (uint64_t[6]){7, 0x1000, 5, 6, AT_SYMLINK_NOFOLLOW});
    assert_true(r.nofollow);
    assert_int_equal(r.uid, 5);
    assert_int_equal(r.gid, 6);
    r = decode(SYS_rename, (uint64_t[6]){0x1000, 0x2000});
    assert_int_equal(r.path2, 0x2000);
    assert_int_equal(r.at2, AT_FDCWD);
    r = decode(SYS_lseek, (uint64_t[6]){3, 0, SEEK_SET});
    assert_false(r.has_path);
    assert_int_equal(r.at, 3);
    assert_true(decode(SYS_rmdir, (uint64_t[6]){0x1000}).directory);
    assert_int_equal(decode(SYS_chdir, (uint64_t[6]){0x1000, NOMOUNT_MARK}).mark, NOMOUNT_MARK);
}
#endif

static void refused_calls(void **state)
{
    static const struct {
        struct nomount_request request;
        const char *path2;
        int result;
    } cases[] = {
        {{NOMOUNT_OPEN, .flags = O_TMPFILE}, NULL, -EINVAL},
        {{NOMOUNT_OPEN, .flags = O_TMPFILE | O_RDWR}, NULL, 0},
        {{NOMOUNT_OPEN, .flags = O_DIRECTORY | O_CREAT}, NULL, -EINVAL},
        {{NOMOUNT_STAT, .flags = AT_EACCESS}, NULL, -EINVAL},
        {{NOMOUNT_STATX, .flags = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC}, NULL, -EINVAL},
        {{NOMOUNT_STATX, .mode = 0x80000000}, NULL, -EINVAL},
        {{NOMOUNT_STATX, .flags = AT_EMPTY_PATH, .mode = 0x7ff}, NULL, 0},
        {{NOMOUNT_ACCESS, .mode = 8}, NULL, -EINVAL},
        {{NOMOUNT_ACCESS, .flags = AT_EACCESS}, NULL, 0},
        {{NOMOUNT_READLINK}, NULL, -EINVAL},
        {{NOMOUNT_READLINK, .size = 1}, NULL, 0},
        {{NOMOUNT_TRUNCATE, .offset = UINT64_MAX}, NULL, -EINVAL},
        {{NOMOUNT_TIMES, .flags = 1}, NULL, -EINVAL},
        {{NOMOUNT_CREATE, .mode = S_IFDIR}, NULL, -EPERM},
        {{NOMOUNT_CREATE, .mode = S_IFLNK}, NULL, -EINVAL},
        {{NOMOUNT_CREATE}, "", -ENOENT},
        {{NOMOUNT_CREATE}, "x", 0},
        {{NOMOUNT_REMOVE, .flags = 1}, NULL, -EINVAL},
        {{NOMOUNT_RENAME, .flags = 3}, NULL, -EINVAL},
        {{NOMOUNT_RENAME, .flags = 8}, NULL, -EINVAL},
        {{NOMOUNT_RENAME, .flags = 2}, NULL, 0},
        {{NOMOUNT_LINK, .flags = 1}, NULL, -EINVAL},
        {{NOMOUNT_XATTR}, "", -ERANGE},
        {{NOMOUNT_XATTR, .size = 65537}, "user.x", -E2BIG},
        {{NOMOUNT_XATTR, .flags = 4}, "user.x", -EINVAL},
        {{NOMOUNT_HANDLE, .flags = 0x800}, NULL, -EINVAL},
        {{NOMOUNT_WRITE}, NULL, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(nomount_check(&cases[i].request, cases[i].path2), cases[i].result);
}

static void refused_how(void **state)
{
    static const struct {
        struct open_how how;
        int result;
    } cases[] = {
        {{.flags = O_CREAT, .mode = 0644}, 0},
        {{.mode = 0644}, -EINVAL},
        {{.flags = O_CREAT, .mode = 010000}, -EINVAL},
        {{.flags = UINT64_C(1) << 40}, -EINVAL},
        {{.flags = O_PATH | O_NOFOLLOW}, 0},
        {{.flags = O_PATH | O_WRONLY}, -EINVAL},
        {{.resolve = 0x40}, -EINVAL},
        {{.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT}, -EINVAL},
        {{.flags = O_TRUNC, .resolve = RESOLVE_CACHED}, -EAGAIN},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(nomount_check_how(&cases[i].how), cases[i].result);
}

static void other_calls(void **state)
{
    struct seccomp_data data = {.nr = SYS_read, .arch = AUDIT_ARCH_X86_64};
    struct nomount_request r;

    assert_false(nomount_decode(&data, &r));
#ifdef __x86_64__
    data = (struct seccomp_data){.nr = 295, .arch = AUDIT_ARCH_I386, .args = {7, 0x1000}};
    assert_true(nomount_decode(&data, &r));
    assert_true(r.narrow && r.deed == NOMOUNT_OPEN && r.at == 7 && r.path == 0x1000);
#endif
    data = (struct seccomp_data){.nr = SYS_openat, .arch = AUDIT_ARCH_MIPS};
    assert_false(nomount_decode(&data, &r));
}

static char base[] = "/tmp/apus-shadow-XXXXXX";

static void fill(const struct shadow *s, int fd, const char *const *names)
{
    struct shadow_listing l = {.version = s->version};

    for (; *names; names++)
        shadow_list(&l, **names, *names + 1);
    assert_int_equal(shadow_fill(fd, &l), 0);
    text_done(&l.entries);
}

static bool is_there(int fd, const char *name, mode_t type)
{
    struct stat st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == type;
}

static void shadow_directories(void **state)
{
    struct shadow s;
    int fd;

    assert_non_null(mkdtemp(base));
    assert_int_equal(shadow_open(base, &s), 0);
    fd = shadow_directory(&s, "/sys/bus/ap");
    assert_true(fd >= 0);
    assert_false(shadow_is_current(&s, fd));
    fill(&s, fd, (const char *const[]){"fapmask", "faqmask", "ddevices", "llink", NULL});
    assert_true(shadow_is_current(&s, fd));
    assert_true(is_there(fd, "apmask", S_IFREG) && is_there(fd, "aqmask", S_IFREG) &&
                is_there(fd, "devices", S_IFDIR) && is_there(fd, "link", S_IFLNK));
    s.version++;
    assert_false(shadow_is_current(&s, fd));
    close(shadow_directory(&s, "/sys/bus/ap/devices/inner"));
    fill(&s, fd, (const char *const[]){"fapmask", "fnew", NULL});
    assert_true(is_there(fd, "new", S_IFREG) && !is_there(fd, "aqmask", S_IFREG) &&
                !is_there(fd, "devices", S_IFDIR) && !is_there(fd, "link", S_IFLNK));
    shadow_remove(&s, "/sys/bus", "ap");
    assert_false(is_there(fd, "apmask", S_IFREG));
    assert_int_equal(openat(fd, "apmask", O_RDONLY), -1);
    close(fd);
    shadow_remove(&s, "/", "sys");
    shadow_close(&s);
    assert_int_equal(rmdir(base), 0);
}

#if defined(__x86_64__)
/* This program as a caller. */
static int waits_left, given;
static int64_t answered;
static bool has_answer;

static bool waits(int line, uint64_t id)
{
    return waits_left-- > 0;
}

static void take_answer(const struct nomount_caller *c, int64_t result)
{
    answered = result;
    has_answer = true;
}

static void take_go_on(const struct nomount_caller *c)
{
    take_answer(c, 1000);
}

static int take(const struct nomount_caller *c, int fd, int number, bool cloexec)
{
    given = dup(fd);
    take_answer(c, given);
    return 0;
}

static void execute(struct door *door, struct command *cmd, struct reply *reply)
{
    struct effects fx = {0};

    core_execute(door->core, cmd, &fx, reply);
    effects_done(&fx);
}

static void no_thread(void *data, int error)
{
}

struct rig {
    sd_event *event;
    struct copier *copier;
    struct door door;
    struct nomount *n;
    char shadow[32];
    int line;
};

static void rig_open(struct rig *r)
{
    const struct nomount_way way = {waits, take_answer, take_go_on, take};
    const struct nomount_sync sync = {0};
    text_auto why = {0};

    *r = (struct rig){.door = {core, execute, NULL}, .shadow = "/tmp/apus-shadow-XXXXXX"};
    assert_non_null(mkdtemp(r->shadow));
    r->line = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(sd_event_new(&r->event) >= 0);
    assert_int_equal(copier_new(r->event, no_thread, NULL, &r->copier), 0);
    assert_int_equal(
        nomount_new(&r->door, r->event, r->copier, r->shadow, &way, &sync, &r->n, &why), 0);
}

static void rig_close(struct rig *r)
{
    nomount_free(r->n);
    copier_free(r->copier);
    sd_event_unref(r->event);
    close(r->line);
    rmdir(r->shadow);
}

/* With a caller that waits as long as it is asked so often. */
static int64_t call(struct rig *r, int often, int number, uint64_t a, uint64_t b, uint64_t c)
{
    const struct seccomp_data data = {
        .nr = number, .arch = AUDIT_ARCH_X86_64, .args = {a, b, c, 0, 0, 0}};
    const struct nomount_caller caller = {(pid_t)syscall(SYS_gettid), r->line, 1};

    waits_left = often;
    has_answer = false;
    nomount_serve(r->n, &caller, &data);
    while (!has_answer)
        assert_true(sd_event_run(r->event, 5000000) > 0);
    return answered;
}

static mode_t mode_now(void)
{
    struct sysfs_entry e;

    assert_int_equal(go("/sys/bus/ap/apmask", true), 0);
    assert_int_equal(sysfs_stat(core_tree(core, CORE_HOST_TREE), at.ino, &e), 0);
    return e.mode;
}

static void shows(const char *start)
{
    text_auto text = {0};

    assert_int_equal(go("/sys/bus/ap/apmask", true), 0);
    assert_int_equal(sysfs_show(core_tree(core, CORE_HOST_TREE), at.ino, &text), 0);
    assert_int_equal(strncmp(text.data, start, strlen(start)), 0);
}

/* Who has looked like its user may have been followed by somebody else with its thread id. */
static void callers_that_have_gone(void **state)
{
    static char path[] = "/sys/bus/ap/apmask", data[] = "-5\n";
    struct rig r;
    int fd;

    rig_open(&r);
    assert_true(call(&r, 9, SYS_openat, (uint32_t)AT_FDCWD, (uintptr_t)path, O_RDWR) >= 0);
    fd = given;
    call(&r, 0, SYS_fchmod, (unsigned)fd, 0600, 0);
    assert_int_equal(mode_now(), 0644);
    assert_int_equal(call(&r, 9, SYS_fchmod, (unsigned)fd, 0600, 0), 0);
    assert_int_equal(mode_now(), 0600);
    call(&r, 1, SYS_write, (unsigned)fd, (uintptr_t)data, 3);
    shows("0xffff");
    assert_int_equal(call(&r, 9, SYS_write, (unsigned)fd, (uintptr_t)data, 3), 3);
    shows("0xfbff");
    close(fd);
    rig_close(&r);
}
#endif

/* One fill of a directory, again and again, with an entry that another does not have. */
struct filler {
    struct shadow s;
    int fd;
    const char *const *names;
    pthread_barrier_t *turn;
};

#define FILLS 10000

static void *fill_often(void *data)
{
    struct filler *f = data;

    for (int i = 0; i < FILLS; i++) {
        pthread_barrier_wait(f->turn);
        fill(&f->s, f->fd, f->names);
        pthread_barrier_wait(f->turn);
    }
    return NULL;
}

/* Whichever comes last: a directory has the version that it says. */
static void concurrent_fills(void **state)
{
    static const char *const older[] = {"fgone", "fstays", NULL}, *const newer[] = {"fstays", NULL};
    char place[] = "/tmp/apus-fills-XXXXXX";
    pthread_barrier_t turn;
    struct filler one = {.names = older, .turn = &turn}, other;
    pthread_t threads[2];
    unsigned stale = 0;

    assert_non_null(mkdtemp(place));
    assert_int_equal(shadow_open(place, &one.s), 0);
    one.fd = shadow_directory(&one.s, "/sys/bus/ap");
    other = one;
    other.names = newer;
    other.s.version = 2;
    pthread_barrier_init(&turn, NULL, 3);
    pthread_create(&threads[0], NULL, fill_often, &one);
    pthread_create(&threads[1], NULL, fill_often, &other);
    for (int i = 0; i < FILLS; i++) {
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        stale += shadow_is_current(&other.s, one.fd) && is_there(one.fd, "gone", S_IFREG);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(stale, 0);
    pthread_barrier_destroy(&turn);
    close(one.fd);
    shadow_remove(&one.s, "/", "sys");
    shadow_close(&one.s);
    assert_int_equal(rmdir(place), 0);
}

static int set_up(void **state)
{
    core = make("[machine]\ndomains = 4\n"
                "[adapter 4]\ntype = CEX8A\n[adapter 5]\ntype = CEX8C\n");
    return 0;
}

static int tear_down(void **state)
{
    core_free(core);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_in_the_tree),
        cmocka_unit_test(walks_over_the_border),
        cmocka_unit_test(walks_in_mounts),
        cmocka_unit_test(names_of_both),
        cmocka_unit_test(nodes_of_vfio),
        cmocka_unit_test(paths_that_concern),
        cmocka_unit_test(long_paths),
        cmocka_unit_test(paths_of_nodes),
#if defined(__x86_64__)
        cmocka_unit_test(system_calls),
        cmocka_unit_test(callers_that_have_gone),
#endif
        cmocka_unit_test(refused_calls),
        cmocka_unit_test(refused_how),
        cmocka_unit_test(other_calls),
        cmocka_unit_test(shadow_directories),
        cmocka_unit_test(concurrent_fills),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
