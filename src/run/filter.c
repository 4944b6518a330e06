/* SPDX-License-Identifier: MIT */
#include "run/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "nomount/syscalls.h"
#include "run/dev.h"
#include "run/error.h"

/* NARROW: the architecture of 32-bit programs, whose ioctl and setrlimit have the same numbers
 * everywhere. */
#if defined(__x86_64__)
#define ARCHITECTURE     AUDIT_ARCH_X86_64
#define NARROW           AUDIT_ARCH_I386
#define NARROW_PRLIMIT64 340
#elif defined(__aarch64__)
#define ARCHITECTURE     AUDIT_ARCH_AARCH64
#define NARROW           AUDIT_ARCH_ARM
#define NARROW_PRLIMIT64 369
#elif defined(__s390x__)
#define ARCHITECTURE     AUDIT_ARCH_S390X
#define NARROW           AUDIT_ARCH_S390
#define NARROW_PRLIMIT64 334
#endif
#define NARROW_IOCTL     54
#define NARROW_SETRLIMIT 75

#ifdef ARCHITECTURE

/* Offset of the lower half of an argument. */
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)
#define NUMBER   (offsetof(struct seccomp_data, args[1]) + LOW_HALF)

/* The listener is close-on-exec. */
#define LISTEN (SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

#define ARGUMENT(n, half) (offsetof(struct seccomp_data, args[n]) + (half))

static int set_filter(unsigned long flags, const struct sock_filter *code, size_t count)
{
    const struct sock_fprog program = {(unsigned short)count, (struct sock_filter *)code};
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

    if (fd < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    return fd < 0 ? -errno : fd;
}

/* Whether zcrypt's node would answer ioctls on terminals itself (seccomp/node.h). */
static bool answers_as_terminal(void)
{
    struct stat st;

    return stat("/dev/z90crypt", &st) == 0 && dev_is_ptmx(&st);
}

/* Reports ioctls of VFIO's type and, if zcrypt, of zcrypt's. */
static int install_ioctls(bool zcrypt)
{
    const uint32_t first = zcrypt ? 'z' : ';', second = zcrypt && answers_as_terminal() ? 'T' : ';';
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 3, 8),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NARROW, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NARROW_IOCTL, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NUMBER),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ';' << 8, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first << 8, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second << 8, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    };

    return set_filter(LISTEN, code, sizeof(code) / sizeof(*code));
}

#define ROOM 400 /* instructions */

struct code {
    struct sock_filter v[ROOM];
    size_t count;
};

static void add(struct code *c, uint16_t what, uint32_t k, uint8_t yes, uint8_t no)
{
    if (c->count == ROOM)
        abort();
    c->v[c->count++] = (struct sock_filter){what, yes, no, k};
}

static void load(struct code *c, size_t offset)
{
    add(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void add_return(struct code *c, uint32_t what)
{
    add(c, BPF_RET | BPF_K, what, 0, 0);
}

static void unless_equal(struct code *c, uint32_t k, uint8_t over)
{
    add(c, BPF_JMP | BPF_JEQ | BPF_K, k, 0, over);
}

/* The kernel goes on unless argument n, as a whole, is k. 5 instructions. */
static void need(struct code *c, unsigned n, uint32_t k)
{
    load(c, ARGUMENT(n, LOW_HALF));
    add(c, BPF_JMP | BPF_JEQ | BPF_K, k, 0, 2);
    load(c, ARGUMENT(n, 4 - LOW_HALF));
    add(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    add_return(c, SECCOMP_RET_ALLOW);
}

/* What follows the number of a call that is reported in some cases only; it ends the filter. */
static void report_when(struct code *c, enum nomount_when when)
{
    switch (when) {
    case NOMOUNT_ALWAYS:
        break;
    case NOMOUNT_START:
        need(c, 3, 0);
        break;
    case NOMOUNT_REWIND:
        load(c, ARGUMENT(2, LOW_HALF));
        add(c, BPF_JMP | BPF_JGE | BPF_K, SEEK_END, 7, 0);
        add(c, BPF_JMP | BPF_JEQ | BPF_K, SEEK_SET, 1, 0);
        add_return(c, SECCOMP_RET_ALLOW);
        load(c, ARGUMENT(1, LOW_HALF));
        add(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
        load(c, ARGUMENT(1, 4 - LOW_HALF));
        add(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
        add_return(c, SECCOMP_RET_ALLOW);
        break;
    }
    add_return(c, SECCOMP_RET_USER_NOTIF);
}

static void report(struct code *c, const struct nomount_syscall *call)
{
    size_t jump = c->count;

    unless_equal(c, (uint32_t)call->number, 0);
    report_when(c, call->when);
    c->v[jump].jf = (uint8_t)(c->count - jump - 1);
}

/* Ends the filter if it is ioctl(2). */
static void report_ioctl(struct code *c, uint32_t number)
{
    unless_equal(c, number, 6);
    load(c, NUMBER);
    add(c, BPF_ALU | BPF_AND | BPF_K, 0xff00, 0, 0);
    add(c, BPF_JMP | BPF_JEQ | BPF_K, ';' << 8, 2, 0);
    add(c, BPF_JMP | BPF_JEQ | BPF_K, 'z' << 8, 1, 0);
    add_return(c, SECCOMP_RET_ALLOW);
    add_return(c, SECCOMP_RET_USER_NOTIF);
}

/* What would go past the filter: programs do without io_uring, and have no further set of numbers
 * (x32). */
static void refuse_others(struct code *c)
{
#ifdef __x86_64__
    add(c, BPF_JMP | BPF_JGE | BPF_K, __X32_SYSCALL_BIT, 1, 0);
#endif
    unless_equal(c, SYS_io_uring_setup, 1);
    add_return(c, SECCOMP_RET_ERRNO | ENOSYS);
}

/* Of 32-bit programs. */
static void report_narrow(struct code *c)
{
    load(c, offsetof(struct seccomp_data, nr));
    report_ioctl(c, NARROW_IOCTL);
    unless_equal(c, SYS_io_uring_setup, 1); /* the same number everywhere */
    add_return(c, SECCOMP_RET_ERRNO | ENOSYS);
    for (size_t i = 0; i < nomount_narrow_count; i++) {
        unless_equal(c, (uint32_t)nomount_narrow[i].number, 1);
        add_return(c, SECCOMP_RET_USER_NOTIF);
    }
    add_return(c, SECCOMP_RET_ALLOW);
}

/* Goes on at the jump that is returned unless half of the sixth argument is as the library has it.
 */
static size_t need_half(struct code *c, size_t half, uint32_t k)
{
    load(c, ARGUMENT(1, half));
    add(c, BPF_ALU | BPF_XOR | BPF_K, k, 0, 0);
    add(c, BPF_MISC | BPF_TAX, 0, 0, 0);
    load(c, ARGUMENT(5, half));
    add(c, BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0);
    return c->count - 1;
}

/* What the preloaded library knows to concern nobody. Arguments of other calls are not looked at:
 * for those that a filter lets pass by their number alone the kernel does not run it. */
static void pass_plain(struct code *c)
{
    size_t low, high, others;
    uint8_t left = 0;

    for (const int *number = nomount_passes; *number >= 0; number++)
        left++;
    for (const int *number = nomount_passes; *number >= 0; number++)
        add(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)*number, left--, 0);
    others = c->count;
    add(c, BPF_JMP | BPF_JA, 0, 0, 0);
    low = need_half(c, LOW_HALF, (uint32_t)NOMOUNT_PASS);
    high = need_half(c, 4 - LOW_HALF, (uint32_t)(NOMOUNT_PASS >> 32));
    add_return(c, SECCOMP_RET_ALLOW);
    c->v[others].k = (uint32_t)(c->count - others - 1);
    c->v[low].jf = (uint8_t)(c->count - low - 1);
    c->v[high].jf = (uint8_t)(c->count - high - 1);
    load(c, offsetof(struct seccomp_data, nr));
}

/* The same, and the calls that name files, or write. */
static int install_paths(void)
{
    struct code code = {0}, *c = &code;
    size_t jump;

    load(c, offsetof(struct seccomp_data, arch));
    add(c, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 2, 0);
    add(c, BPF_JMP | BPF_JEQ | BPF_K, NARROW, 2, 0);
    add_return(c, SECCOMP_RET_ALLOW);
    jump = c->count;
    add(c, BPF_JMP | BPF_JA, 0, 0, 0);
    report_narrow(c);
    c->v[jump].k = (uint32_t)(c->count - jump - 1);
    load(c, offsetof(struct seccomp_data, nr));
    refuse_others(c);
    report_ioctl(c, SYS_ioctl);
    pass_plain(c);
    for (size_t i = 0; i < nomount_syscall_count; i++)
        report(c, &nomount_syscalls[i]);
    add_return(c, SECCOMP_RET_ALLOW);
    return set_filter(LISTEN, c->v, c->count);
}

/* prlimit(2) of the limit of locked memory, and setgroups(2). Limits that are only asked for come
 * from the kernel. */
static void grant(bool memory, bool groups)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 9),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, groups ? SYS_setgroups : UINT32_MAX, 8, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, memory ? SYS_prlimit64 : UINT32_MAX, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1, LOW_HALF)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RLIMIT_MEMLOCK, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2, 0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2, 4)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
    };

    set_filter(0, code, sizeof(code) / sizeof(*code));
}

/* The kernel goes on where argument n, as a whole, is k. 5 instructions. */
static void pass_with(struct code *c, unsigned n, uint64_t k)
{
    load(c, ARGUMENT(n, LOW_HALF));
    add(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)k, 0, 3);
    load(c, ARGUMENT(n, 4 - LOW_HALF));
    add(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(k >> 32), 0, 1);
    add_return(c, SECCOMP_RET_ALLOW);
}

/* A call that sets the limit called by that argument. 4 instructions, which end the filter. */
static void refuse_limit(struct code *c, unsigned n)
{
    load(c, ARGUMENT(n, LOW_HALF));
    unless_equal(c, RLIMIT_RTTIME, 1);
    add_return(c, SECCOMP_RET_ERRNO | EPERM);
    add_return(c, SECCOMP_RET_ALLOW);
}

/* Lets nothing set the limit but another badge. Limits that are only asked for come from the
 * kernel.
 */
static void keep_limit(struct code *c, uint32_t architecture, uint32_t set, uint32_t change)
{
    size_t jump = c->count;

    unless_equal(c, architecture, 0);
    load(c, offsetof(struct seccomp_data, nr));
    unless_equal(c, set, 4);
    refuse_limit(c, 0);
    unless_equal(c, change, 14);
    pass_with(c, 2, 0);
    pass_with(c, 5, NOMOUNT_PASS);
    refuse_limit(c, 1);
    add_return(c, SECCOMP_RET_ALLOW);
    c->v[jump].jf = (uint8_t)(c->count - jump - 1);
}

static int install_badge(void)
{
    struct code code = {0}, *c = &code;

    load(c, offsetof(struct seccomp_data, arch));
    keep_limit(c, ARCHITECTURE, SYS_setrlimit, SYS_prlimit64);
    keep_limit(c, NARROW, NARROW_SETRLIMIT, NARROW_PRLIMIT64);
    add_return(c, SECCOMP_RET_ALLOW);
    return set_filter(0, c->v, c->count);
}

#else

static int install_badge(void)
{
    return -EOPNOTSUPP;
}

static int install_ioctls(bool zcrypt)
{
    return -EOPNOTSUPP;
}

static int install_paths(void)
{
    return -EOPNOTSUPP;
}

static void grant(bool memory, bool groups)
{
}

#endif

static const char *reason(int error)
{
    switch (error) {
    case EINVAL:
    case ENOSYS:
        return "it requires a seccomp feature of Linux 5.19 or later";
    case EBUSY:
        return "this process already has a seccomp listener";
    case EOPNOTSUPP:
        return "it is not supported on this architecture";
    default:
        return error_text(error);
    }
}

static int refuse(int error, const struct program_entry *entry)
{
    if (entry->paths)
        run_error(error, "programs cannot be served without a mount: %s", reason(error));
    else if (entry->needed)
        run_error(error, "--ioctl=notify is not possible: %s; use --ioctl=fuse", reason(error));
    else
        run_error(error, "VFIO is not available: %s", reason(error));
    return -error;
}

int filter_hand_over(const struct program_entry *entry)
{
    int ret, fd = entry->paths ? install_paths() : install_ioctls(entry->zcrypt);

    if (fd < 0)
        return refuse(-fd, entry);
    ret = entry->hand_over(entry->data, fd);
    close(fd);
    return ret;
}

static uint64_t hard_limit(void)
{
    struct rlimit now;

    return getrlimit(RLIMIT_RTTIME, &now) < 0 ? 0 : now.rlim_max;
}

bool filter_wears(void)
{
    return nomount_is_badge(hard_limit());
}

/* Who has a filter of this kind passes it by the last argument. */
static int set_badge(uint64_t hard)
{
    const struct rlimit limit = {hard, hard};

    if (syscall(SYS_prlimit64, 0, RLIMIT_RTTIME, &limit, NULL, 0, NOMOUNT_PASS) < 0)
        return -errno;
    return install_badge();
}

int filter_wear(uint32_t badge)
{
    uint64_t hard = nomount_badge_limit(badge);
    int rc = set_badge(hard);

    if (rc == -EPERM && hard_limit() < hard)
        run_error(EPERM,
                  "which tree a program sees is told by its limit of real-time CPU time, which is "
                  "%" PRIu64 " here; start with an unlimited one (ulimit -R)",
                  hard_limit());
    else if (rc < 0)
        run_error(-rc, "a program cannot be told apart from others: %s", error_text(-rc));
    return rc < 0 ? rc : 0;
}

/* Whether the limit can be as high as anybody may want. */
static bool may_lock_memory(void)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit now;

    if (getrlimit(RLIMIT_MEMLOCK, &now) < 0 || setrlimit(RLIMIT_MEMLOCK, &all) < 0)
        return false;
    setrlimit(RLIMIT_MEMLOCK, &now);
    return true;
}

/* Not in a user namespace of somebody who is not root outside. */
static bool may_set_groups(void)
{
    char text[8] = "";
    int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    return len <= 0 || strncmp(text, "deny", 4) != 0;
}

void filter_grant(void)
{
    bool memory = !may_lock_memory(), groups = !may_set_groups();

    if (memory || groups)
        grant(memory, groups);
}
