/* SPDX-License-Identifier: MIT */
#include "nomount/syscalls.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

#ifdef ARCHITECTURE

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Reading them from left to right: path, at, flags, out, size. */
#define ROW(number, deed, when, path, at, flags, out, size)                                        \
    {                                                                                              \
        number, deed, when, path, at, flags, out, size, -1, -1                                     \
    }
#define ROW2(number, deed, path, at, flags, path2, at2)                                            \
    {                                                                                              \
        number, deed, NOMOUNT_ALWAYS, path, at, flags, -1, -1, path2, at2                          \
    }

const struct nomount_syscall nomount_syscalls[] = {
    ROW(SYS_write, NOMOUNT_WRITE, NOMOUNT_ALWAYS, -1, 0, -1, 1, 2),
    ROW(SYS_openat, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 1, 0, 2, -1, -1),
    ROW(SYS_newfstatat, NOMOUNT_STAT, NOMOUNT_ALWAYS, 1, 0, 3, 2, -1),
    ROW(SYS_lseek, NOMOUNT_SEEK, NOMOUNT_REWIND, -1, 0, -1, -1, -1),
    ROW(SYS_pread64, NOMOUNT_READ_AT, NOMOUNT_START, -1, 0, -1, 1, 2),
    ROW(SYS_fstat, NOMOUNT_STAT, NOMOUNT_ALWAYS, -1, 0, -1, 1, -1),
    ROW(SYS_statx, NOMOUNT_STATX, NOMOUNT_ALWAYS, 1, 0, 2, 4, -1),
    ROW(SYS_faccessat, NOMOUNT_ACCESS, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW(SYS_faccessat2, NOMOUNT_ACCESS, NOMOUNT_ALWAYS, 1, 0, 3, -1, -1),
    ROW(SYS_readlinkat, NOMOUNT_READLINK, NOMOUNT_ALWAYS, 1, 0, -1, 2, 3),
    ROW(SYS_getcwd, NOMOUNT_GETCWD, NOMOUNT_ALWAYS, -1, -1, -1, 0, 1),
    ROW(SYS_chdir, NOMOUNT_CHDIR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_openat2, NOMOUNT_OPEN_HOW, NOMOUNT_ALWAYS, 1, 0, -1, 2, 3),
    ROW(SYS_writev, NOMOUNT_WRITE_VECTOR, NOMOUNT_ALWAYS, -1, 0, -1, 1, 2),
    ROW(SYS_pwrite64, NOMOUNT_WRITE, NOMOUNT_ALWAYS, -1, 0, -1, 1, 2),
    ROW(SYS_pwritev, NOMOUNT_WRITE_VECTOR, NOMOUNT_ALWAYS, -1, 0, -1, 1, 2),
    ROW(SYS_pwritev2, NOMOUNT_WRITE_VECTOR, NOMOUNT_ALWAYS, -1, 0, -1, 1, 2),
    ROW(SYS_statfs, NOMOUNT_STATFS, NOMOUNT_ALWAYS, 0, -1, -1, 1, -1),
    ROW(SYS_fstatfs, NOMOUNT_STATFS, NOMOUNT_ALWAYS, -1, 0, -1, 1, -1),
    ROW(SYS_sendfile, NOMOUNT_SPLICE, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_copy_file_range, NOMOUNT_SPLICE, NOMOUNT_ALWAYS, -1, 2, -1, -1, -1),
    ROW(SYS_splice, NOMOUNT_SPLICE, NOMOUNT_ALWAYS, -1, 2, -1, -1, -1),
    ROW(SYS_fchmodat, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW(SYS_fchmodat2, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, 1, 0, 3, -1, -1),
    ROW(SYS_fchmod, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_fchownat, NOMOUNT_CHOWN, NOMOUNT_ALWAYS, 1, 0, 4, -1, -1),
    ROW(SYS_fchown, NOMOUNT_CHOWN, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_truncate, NOMOUNT_TOUCH, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_ftruncate, NOMOUNT_TOUCH, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_utimensat, NOMOUNT_TOUCH, NOMOUNT_ALWAYS, 1, 0, 3, -1, -1),
    ROW(SYS_mkdirat, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW(SYS_mknodat, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW(SYS_symlinkat, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 2, 1, -1, -1, -1),
    ROW(SYS_unlinkat, NOMOUNT_REMOVE, NOMOUNT_ALWAYS, 1, 0, 2, -1, -1),
    ROW2(SYS_renameat2, NOMOUNT_RENAME, 1, 0, -1, 3, 2),
    ROW2(SYS_linkat, NOMOUNT_LINK, 1, 0, 4, 3, 2),
    ROW(SYS_inotify_add_watch, NOMOUNT_WATCH, NOMOUNT_ALWAYS, 1, -1, -1, -1, -1),
    ROW(SYS_getxattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_lgetxattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_fgetxattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_setxattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_lsetxattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_fsetxattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_removexattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_lremovexattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_fremovexattr, NOMOUNT_XATTR, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_listxattr, NOMOUNT_XATTR_LIST, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_llistxattr, NOMOUNT_XATTR_LIST, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_flistxattr, NOMOUNT_XATTR_LIST, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
/* What newer architectures have with a directory alone. */
#ifdef SYS_renameat
    ROW2(SYS_renameat, NOMOUNT_RENAME, 1, 0, -1, 3, 2),
#endif
#ifdef SYS_open
    ROW(SYS_open, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 0, -1, 1, -1, -1),
    ROW(SYS_creat, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_stat, NOMOUNT_STAT, NOMOUNT_ALWAYS, 0, -1, -1, 1, -1),
    ROW(SYS_lstat, NOMOUNT_STAT, NOMOUNT_ALWAYS, 0, -1, -1, 1, -1),
    ROW(SYS_access, NOMOUNT_ACCESS, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_readlink, NOMOUNT_READLINK, NOMOUNT_ALWAYS, 0, -1, -1, 1, 2),
    ROW(SYS_chmod, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_chown, NOMOUNT_CHOWN, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_lchown, NOMOUNT_CHOWN, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_utimes, NOMOUNT_TOUCH, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_mkdir, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_mknod, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_symlink, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 1, -1, -1, -1, -1),
    ROW(SYS_unlink, NOMOUNT_REMOVE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_rmdir, NOMOUNT_REMOVE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW2(SYS_rename, NOMOUNT_RENAME, 0, -1, -1, 1, -1),
    ROW2(SYS_link, NOMOUNT_LINK, 0, -1, -1, 1, -1),
#endif
#ifdef SYS_utime
    ROW(SYS_utime, NOMOUNT_TOUCH, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
#endif
#ifdef SYS_futimesat
    ROW(SYS_futimesat, NOMOUNT_TOUCH, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
#endif
};

const size_t nomount_syscall_count = sizeof nomount_syscalls / sizeof *nomount_syscalls;

static const struct nomount_syscall *find(int number)
{
    for (size_t i = 0; i < nomount_syscall_count; i++)
        if (nomount_syscalls[i].number == number)
            return &nomount_syscalls[i];
    return NULL;
}

static uint64_t argument(const struct seccomp_data *data, int which)
{
    return which < 0 ? 0 : data->args[which];
}

static int directory(const struct seccomp_data *data, int which)
{
    return which < 0 ? AT_FDCWD : (int)data->args[which];
}

/* Whether a link at the end is meant itself. */
static bool keeps_link(const struct nomount_syscall *row, uint64_t flags)
{
    switch (row->number) {
#ifdef SYS_lstat
    case SYS_lstat:
    case SYS_lchown:
    case SYS_rename:
    case SYS_unlink:
    case SYS_link:
    case SYS_readlink:
#endif
    case SYS_lgetxattr:
    case SYS_lsetxattr:
    case SYS_lremovexattr:
    case SYS_llistxattr:
    case SYS_readlinkat:
    case SYS_unlinkat:
        return true;
    case SYS_linkat:
        return !(flags & AT_SYMLINK_FOLLOW);
    case SYS_openat:
        return flags & O_NOFOLLOW;
    default:
        break;
    }
    switch (row->deed) {
    case NOMOUNT_CREATE:
    case NOMOUNT_RENAME:
    case NOMOUNT_REMOVE:
        return true;
    case NOMOUNT_OPEN:
        return flags & O_NOFOLLOW;
    default:
        return flags & AT_SYMLINK_NOFOLLOW;
    }
}

/* What some calls have beside the rest. */
static void decode_rest(const struct seccomp_data *data, struct nomount_request *r)
{
    const __u64 *a = data->args;

    switch (data->nr) {
    case SYS_openat:
        r->mode = a[3];
        break;
    case SYS_readlinkat:
        r->empty = true;
        break;
    case SYS_lseek:
    case SYS_pread64:
        r->offset = data->nr == SYS_lseek ? a[1] : a[3];
        r->whence = (unsigned)a[2];
        break;
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_fchmodat:
    case SYS_fchmodat2:
        r->mode = a[2];
        break;
    case SYS_fchmod:
        r->mode = a[1];
        break;
    case SYS_fchownat:
        r->uid = (uint32_t)a[2];
        r->gid = (uint32_t)a[3];
        break;
    case SYS_fchown:
        r->uid = (uint32_t)a[1];
        r->gid = (uint32_t)a[2];
        break;
    case SYS_unlinkat:
        r->directory = r->flags & AT_REMOVEDIR;
        break;
    case SYS_chdir:
        r->marked = a[1] == NOMOUNT_MARK;
        break;
    default:
        break;
    }
}

/* The calls that newer architectures do not have. */
static void decode_older(const struct seccomp_data *data, struct nomount_request *r)
{
#ifdef SYS_open
    const __u64 *a = data->args;

    switch (data->nr) {
    case SYS_creat:
        r->flags = O_CREAT | O_WRONLY | O_TRUNC;
        r->mode = a[1];
        break;
    case SYS_open:
        r->mode = a[2];
        break;
    case SYS_access:
    case SYS_chmod:
        r->mode = a[1];
        break;
    case SYS_chown:
    case SYS_lchown:
        r->uid = (uint32_t)a[1];
        r->gid = (uint32_t)a[2];
        break;
    case SYS_rmdir:
        r->directory = true;
        break;
    default:
        break;
    }
#endif
}

bool nomount_decode(const struct seccomp_data *data, struct nomount_request *out)
{
    const struct nomount_syscall *row = data->arch == ARCHITECTURE ? find(data->nr) : NULL;

    if (!row)
        return false;
    *out = (struct nomount_request){.deed = row->deed,
                                    .has_path = row->path >= 0,
                                    .at = directory(data, row->at),
                                    .at2 = directory(data, row->at2),
                                    .path = argument(data, row->path),
                                    .path2 = argument(data, row->path2),
                                    .flags = (uint32_t)argument(data, row->flags),
                                    .out = argument(data, row->out),
                                    .size = argument(data, row->size)};
    /* open(2) has other flags than all the others. */
    if (row->deed != NOMOUNT_OPEN)
        out->empty = out->flags & AT_EMPTY_PATH;
    out->nofollow = keeps_link(row, out->flags);
    decode_rest(data, out);
    decode_older(data, out);
    return true;
}

#else

/* There is no filter for programs of this architecture (run/filter.c). */
const struct nomount_syscall nomount_syscalls[] = {{.number = -1}};
const size_t nomount_syscall_count = 1;

bool nomount_decode(const struct seccomp_data *data, struct nomount_request *out)
{
    return false;
}

#endif
