/* SPDX-License-Identifier: MIT */
#include "daemon/filter.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/*
 * Names of every architecture: what has none there is left out. Several names for one thing are
 * those of older and newer kernels, of 32-bit programs, and of older and newer C libraries.
 */
static const char *const always[] = {
    /* memory */
    "brk", "madvise", "mmap", "mmap2", "mprotect", "mremap", "munmap",
    /* threads; signals; the end */
    "exit", "exit_group", "futex", "futex_time64", "get_robust_list", "membarrier", "rseq",
    "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity",
    "sched_yield", "set_robust_list", "sigaltstack", "sigreturn", "tgkill",
    /* each thread gives up its own capabilities (src/thread) */
    "capget", "capset",
    /* who and where we are */
    "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getpid", "getppid",
    "getrandom", "getrlimit", "gettid", "getuid", "getuid32", "prlimit64", "sysinfo", "ugetrlimit",
    "uname",
    /* time */
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "gettimeofday", "nanosleep", "time",
    /* the event loop */
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "poll",
    "ppoll", "ppoll_time64", "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_gettime64",
    "timerfd_settime", "timerfd_settime64",
    /* sockets, see also below */
    "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    /* descriptors: of /dev/fuse, of the listener of src/seccomp, of files */
    "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "lseek", "_llseek",
    "pipe2", "pread64", "preadv", "pwrite64", "pwritev", "read", "readv", "write", "writev",
    /* the heir has done its work (heir.c) */
    "wait4", "waitid",
    /* /proc; recordings, the state directory, PID file; sockets and links to nodes go at the end */
    "access", "chmod", "faccessat", "faccessat2", "fallocate", "fchmod", "fchmodat", "fchmodat2",
    "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync",
    "ftruncate", "ftruncate64", "getdents", "getdents64", "lstat", "lstat64", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "readlink", "readlinkat", "rename", "renameat", "renameat2",
    "getcwd", "rmdir", "stat", "stat64", "statfs", "statfs64", "statx", "symlink", "symlinkat",
    "unlink", "unlinkat",
    /* a caller's memory (ioctl/caller.h) */
    "move_pages", "process_vm_readv", "process_vm_writev", NULL};

/* The nodes of VFIO and, with --ioctl=notify, of zcrypt (seccomp/node.h). */
static const char *const for_nodes[] = {"mknod", "mknodat", "mount", "umount", "umount2", NULL};

/* A program's open files (ioctl/caller.h): eventfds, which VFIO signals, and what is stored. */
static const char *const for_files[] = {"pidfd_getfd", "pidfd_open", NULL};

/* Programs without a mount: the files that they get, the shadow directories, and the answers of a
 * lender. */
static const char *const for_paths[] = {"linkat", "memfd_create", "openat2",   "socketpair",
                                        "splice", "tee",          "utimensat", NULL};

#ifdef SANITIZED
/* Sanitizers look for leaks at the end from a process of their own, and print what they find. */
static const char *const for_sanitizers[] = {
    "arch_prctl", "clone",      "execve", "fork",   "getpgrp",         "kill",
    "pipe",       "pkey_alloc", "prctl",  "ptrace", "set_tid_address", "setrlimit",
    "socket",     "socketpair", "tkill",  NULL};
#else
static const char *const for_sanitizers[] = {NULL};
#endif

static int allow(scmp_filter_ctx filter, const char *const *names)
{
    int rc = 0;

    for (; *names && rc == 0; names++) {
        int number = seccomp_syscall_resolve_name(*names);

        /* Numbers below -1 stand for calls that this architecture has in another form, or not. */
        if (number != __NR_SCMP_ERROR)
            rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    return rc;
}

static int allow_if(scmp_filter_ctx filter, int number, struct scmp_arg_cmp argument)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, argument);
}

/* Calls that do more than we need of them. */
static int allow_partly(scmp_filter_ctx filter)
{
#ifdef __s390__
    const unsigned flags = 1;
#else
    const unsigned flags = 0;
#endif
    int rc = allow_if(filter, SCMP_SYS(clone),
                      SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

    /* Its flags lie in memory, where no filter can look; the C library takes clone instead. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* What each thread says of itself (src/thread). */
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS));
    /* For sd_notify(3), and the descriptors of VFIO. */
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    if (rc == 0)
        rc = allow_if(filter, SCMP_SYS(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    return rc;
}

static int fill(scmp_filter_ctx filter, bool nodes, bool paths)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    /* Our secrets are not guarded against our own code: no mitigation that slows all of it down. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = allow(filter, always);
    if (rc == 0 && nodes)
        rc = allow(filter, for_nodes);
    if (rc == 0 && (nodes || paths))
        rc = allow(filter, for_files);
    if (rc == 0 && paths)
        rc = allow(filter, for_paths);
    if (rc == 0)
        rc = allow(filter, for_sanitizers);
    return rc == 0 ? allow_partly(filter) : rc;
}

int filter_load(enum filter_action action, bool nodes, bool paths)
{
    scmp_filter_ctx filter;
    int rc;

    if (action == FILTER_OFF)
        return 0;
    filter = seccomp_init(action == FILTER_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_LOG);
    if (!filter)
        return -ENOMEM;
    rc = fill(filter, nodes, paths);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}
