/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core_made.h"
#include "ioctl/copier.h"
#include "nomount/nomount.h"
#include "nomount/syscalls.h"

static struct core *core;

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
    r = decode(SYS_sendfile, (uint64_t[6]){3, 4, 0x1000, 9});
    assert_int_equal(r.deed, NOMOUNT_SENDFILE);
    assert_int_equal(r.at, 3);
    assert_int_equal(r.at2, 4);
    assert_int_equal(r.out, 0x1000);
    assert_int_equal(r.size, 9);
    r = decode(SYS_splice, (uint64_t[6]){4, 0x2000, 3, 0x1000, 9, SPLICE_F_NONBLOCK});
    assert_int_equal(r.deed, NOMOUNT_SPLICE);
    assert_int_equal(r.at, 3);
    assert_int_equal(r.at2, 4);
    assert_int_equal(r.path2, 0x2000);
    assert_int_equal(r.out, 0x1000);
    assert_true(r.positioned);
    assert_int_equal(r.flags, SPLICE_F_NONBLOCK);
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

static sysfs_ino apmask(void)
{
    sysfs_ino ino = 0;

    assert_int_equal(sysfs_resolve(core_tree(core, CORE_HOST_TREE), "bus/ap/apmask", &ino), 0);
    return ino;
}

static mode_t mode_now(void)
{
    struct sysfs_entry e;

    assert_int_equal(sysfs_stat(core_tree(core, CORE_HOST_TREE), apmask(), &e), 0);
    return e.mode;
}

static void shows(const char *start)
{
    text_auto text = {0};

    assert_int_equal(sysfs_show(core_tree(core, CORE_HOST_TREE), apmask(), &text), 0);
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

static void wear(uint32_t badge)
{
    const struct rlimit limit = {nomount_badge_limit(badge), nomount_badge_limit(badge)};

    assert_true(nomount_is_badge(limit.rlim_max));
    assert_int_equal(setrlimit(RLIMIT_RTTIME, &limit), 0);
}

static void tell(struct rig *r, struct command *cmd)
{
    struct effects fx = {0};
    struct reply reply = {0};

    core_execute(core, cmd, &fx, &reply);
    assert_int_equal(reply.result, 0);
    reply_done(&reply);
    nomount_effects(r->n, &fx);
    effects_done(&fx);
}

static uint32_t badge_of(struct rig *r, unsigned tree)
{
    uint32_t badge = 0;

    assert_int_equal(nomount_badge(r->n, tree, &badge), 0);
    return badge;
}

/* The last test, since this process can put on higher ones only. */
static void badges(void **state)
{
    static char card[] = "/sys/devices/ap/card04", guest[] = "/sys/bus/ap";
    const uint64_t at = (uint32_t)AT_FDCWD, of_card = (uintptr_t)card, of_bus = (uintptr_t)guest;
    struct command start = {.kind = CMD_GUEST_START,
                            .guest = {.name = "G", .features = GUEST_FEATURES_ALL}},
                   look = {.kind = CMD_GUEST_LOOK, .look = {.guest = 0}},
                   stop = {.kind = CMD_GUEST_STOP, .guest = {.name = "G"}};
    uint32_t first, second;
    struct rig r;
    int fd;

    rig_open(&r);
    tell(&r, &start);
    tell(&r, &look);
    first = badge_of(&r, 1);
    assert_int_equal(badge_of(&r, 1), first);
    second = badge_of(&r, CORE_HOST_TREE);
    assert_int_equal(second, first + 1);
    assert_int_equal(call(&r, 9, SYS_access, of_card, 0, 0), 0);
    wear(first);
    assert_int_equal(call(&r, 9, SYS_access, of_card, 0, 0), -ENOENT);
    assert_true(call(&r, 9, SYS_openat, at, of_bus, O_RDONLY) >= 0);
    fd = given;
    wear(second);
    assert_int_equal(call(&r, 9, SYS_access, of_card, 0, 0), 0);
    /* What is open belongs to the tree that it was opened in. */
    assert_int_equal(call(&r, 9, SYS_faccessat, (unsigned)fd, (uintptr_t) "devices/card04", 0),
                     -ENOENT);
    wear(badge_of(&r, 1));
    tell(&r, &stop);
    assert_int_equal(call(&r, 9, SYS_access, of_bus, 0, 0), -ENOTCONN);
    assert_int_equal(call(&r, 9, SYS_faccessat, (unsigned)fd, (uintptr_t) "apmask", 0), -ENOTCONN);
    tell(&r, &start);
    tell(&r, &look);
    assert_int_equal(call(&r, 9, SYS_access, of_bus, 0, 0), -ENOTCONN);
    wear(badge_of(&r, 1));
    assert_int_equal(call(&r, 9, SYS_access, of_bus, 0, 0), 0);
    wear(badge_of(&r, 1) + 1); /* which nobody has given out */
    assert_int_equal(call(&r, 9, SYS_access, of_bus, 0, 0), -ENOTCONN);
    tell(&r, &stop);
    close(fd);
    rig_close(&r);
}
#endif

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
#if defined(__x86_64__)
        cmocka_unit_test(system_calls),
        cmocka_unit_test(callers_that_have_gone),
#endif
        cmocka_unit_test(refused_calls),
        cmocka_unit_test(refused_how),
        cmocka_unit_test(other_calls),
#if defined(__x86_64__)
        cmocka_unit_test(badges),
#endif
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
