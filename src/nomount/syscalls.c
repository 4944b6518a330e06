/* SPDX-License-Identifier: MIT */
#include "nomount/syscalls.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <time.h>
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
#define ROW_NAMED(number, deed, path, at, flags, size, path2)                                      \
    {                                                                                              \
        number, deed, NOMOUNT_ALWAYS, path, at, flags, -1, size, path2, -1                         \
    }
#define ROW2(number, deed, path, at, flags, path2, at2)                                            \
    {                                                                                              \
        number, deed, NOMOUNT_ALWAYS, path, at, flags, -1, -1, path2, at2                          \
    }

#define ROW_FROM(number, deed, at, at2, flags, out, size)                                          \
    {                                                                                              \
        number, deed, NOMOUNT_ALWAYS, -1, at, flags, out, size, -1, at2                            \
    }

const struct nomount_syscall nomount_syscalls[] = {
    ROW(SYS_write, NOMOUNT_WRITE, NOMOUNT_ALWAYS, -1, 0, -1, 1, 2),
    ROW(SYS_openat, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 1, 0, 2, -1, -1),
    ROW(SYS_newfstatat, NOMOUNT_STAT, NOMOUNT_ALWAYS, 1, 0, 3, 2, -1),
    ROW(SYS_lseek, NOMOUNT_SEEK, NOMOUNT_REWIND, -1, 0, -1, -1, -1),
    ROW(SYS_pread64, NOMOUNT_READ_AT, NOMOUNT_START, -1, 0, -1, 1, 2),
    ROW(SYS_preadv, NOMOUNT_READ_VECTOR, NOMOUNT_START, -1, 0, -1, -1, -1),
    ROW(SYS_preadv2, NOMOUNT_READ_VECTOR, NOMOUNT_START, -1, 0, -1, -1, -1),
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
    ROW_FROM(SYS_sendfile, NOMOUNT_SENDFILE, 0, 1, -1, 2, 3),
    ROW_FROM(SYS_copy_file_range, NOMOUNT_COPY, 2, 0, -1, -1, 4),
    ROW_FROM(SYS_splice, NOMOUNT_SPLICE, 2, 0, 5, 3, 4),
    ROW(SYS_fchmodat, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW(SYS_fchmodat2, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, 1, 0, 3, -1, -1),
    ROW(SYS_fchmod, NOMOUNT_CHMOD, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_fchownat, NOMOUNT_CHOWN, NOMOUNT_ALWAYS, 1, 0, 4, -1, -1),
    ROW(SYS_fchown, NOMOUNT_CHOWN, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_truncate, NOMOUNT_TRUNCATE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_ftruncate, NOMOUNT_TRUNCATE, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_utimensat, NOMOUNT_TIMES, NOMOUNT_ALWAYS, 1, 0, 3, 2, -1),
    ROW(SYS_mkdirat, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW(SYS_mknodat, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
    ROW_NAMED(SYS_symlinkat, NOMOUNT_CREATE, 2, 1, -1, -1, 0),
    ROW(SYS_unlinkat, NOMOUNT_REMOVE, NOMOUNT_ALWAYS, 1, 0, 2, -1, -1),
    ROW2(SYS_renameat2, NOMOUNT_RENAME, 1, 0, 4, 3, 2),
    ROW2(SYS_linkat, NOMOUNT_LINK, 1, 0, 4, 3, 2),
    ROW(SYS_inotify_add_watch, NOMOUNT_WATCH, NOMOUNT_ALWAYS, 1, -1, -1, -1, -1),
    ROW_NAMED(SYS_getxattr, NOMOUNT_XATTR, 0, -1, -1, -1, 1),
    ROW_NAMED(SYS_lgetxattr, NOMOUNT_XATTR, 0, -1, -1, -1, 1),
    ROW_NAMED(SYS_fgetxattr, NOMOUNT_XATTR, -1, 0, -1, -1, 1),
    ROW_NAMED(SYS_setxattr, NOMOUNT_XATTR, 0, -1, 4, 3, 1),
    ROW_NAMED(SYS_lsetxattr, NOMOUNT_XATTR, 0, -1, 4, 3, 1),
    ROW_NAMED(SYS_fsetxattr, NOMOUNT_XATTR, -1, 0, 4, 3, 1),
    ROW_NAMED(SYS_removexattr, NOMOUNT_XATTR, 0, -1, -1, -1, 1),
    ROW_NAMED(SYS_lremovexattr, NOMOUNT_XATTR, 0, -1, -1, -1, 1),
    ROW_NAMED(SYS_fremovexattr, NOMOUNT_XATTR, -1, 0, -1, -1, 1),
    ROW(SYS_listxattr, NOMOUNT_XATTR_LIST, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_llistxattr, NOMOUNT_XATTR_LIST, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_flistxattr, NOMOUNT_XATTR_LIST, NOMOUNT_ALWAYS, -1, 0, -1, -1, -1),
    ROW(SYS_name_to_handle_at, NOMOUNT_HANDLE, NOMOUNT_ALWAYS, 1, 0, 4, -1, -1),
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
    ROW(SYS_utimes, NOMOUNT_TIMES, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_mkdir, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_mknod, NOMOUNT_CREATE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW_NAMED(SYS_symlink, NOMOUNT_CREATE, 1, -1, -1, -1, 0),
    ROW(SYS_unlink, NOMOUNT_REMOVE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(SYS_rmdir, NOMOUNT_REMOVE, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW2(SYS_rename, NOMOUNT_RENAME, 0, -1, -1, 1, -1),
    ROW2(SYS_link, NOMOUNT_LINK, 0, -1, -1, 1, -1),
#endif
#ifdef SYS_utime
    ROW(SYS_utime, NOMOUNT_TIMES, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
#endif
#ifdef SYS_futimesat
    ROW(SYS_futimesat, NOMOUNT_TIMES, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),
#endif
};

const size_t nomount_syscall_count = sizeof nomount_syscalls / sizeof *nomount_syscalls;

const int nomount_passes[] = {SYS_newfstatat, SYS_fstat,   SYS_openat, SYS_faccessat,
                              SYS_readlinkat, SYS_openat2, -1};

/* By their numbers of i386. Other architectures' 32-bit programs see the computer's files. */
const struct nomount_syscall nomount_narrow[] = {
#ifdef __x86_64__
    ROW(5, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 0, -1, 1, -1, -1),     /* open */
    ROW(295, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 1, 0, 2, -1, -1),    /* openat */
    ROW(437, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1),   /* openat2 */
    ROW(8, NOMOUNT_OPEN, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),    /* creat */
    ROW(195, NOMOUNT_STAT, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),  /* stat64 */
    ROW(196, NOMOUNT_STAT, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),  /* lstat64 */
    ROW(300, NOMOUNT_STAT, NOMOUNT_ALWAYS, 1, 0, 3, -1, -1),    /* fstatat64 */
    ROW(383, NOMOUNT_STATX, NOMOUNT_ALWAYS, 1, 0, 2, -1, -1),   /* statx */
    ROW(33, NOMOUNT_ACCESS, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1), /* access */
    ROW(307, NOMOUNT_ACCESS, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1), /* faccessat */
    ROW(439, NOMOUNT_ACCESS, NOMOUNT_ALWAYS, 1, 0, 3, -1, -1),  /* faccessat2 */
    ROW(85, NOMOUNT_READLINK, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(305, NOMOUNT_READLINK, NOMOUNT_ALWAYS, 1, 0, -1, -1, -1), /* readlinkat */
    ROW(12, NOMOUNT_CHDIR, NOMOUNT_ALWAYS, 0, -1, -1, -1, -1),
    ROW(292, NOMOUNT_WATCH, NOMOUNT_ALWAYS, 1, -1, -1, -1, -1), /* inotify_add_watch */
#else
    {.number = -1}
#endif
};

const size_t nomount_narrow_count = sizeof nomount_narrow / sizeof *nomount_narrow;

static const struct nomount_syscall *find(const struct nomount_syscall *rows, size_t count,
                                          int number)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

static const struct nomount_syscall *find_row(const struct seccomp_data *data, bool narrow)
{
    if (narrow)
        return find(nomount_narrow, nomount_narrow_count, data->nr);
    if (data->arch != ARCHITECTURE)
        return NULL;
    return find(nomount_syscalls, nomount_syscall_count, data->nr);
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
    case SYS_name_to_handle_at:
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
    case NOMOUNT_XATTR:
        return false;
    default:
        return flags & AT_SYMLINK_NOFOLLOW;
    }
}

/* Where in the file. */
static void decode_offset(const struct seccomp_data *data, struct nomount_request *r)
{
    const __u64 *a = data->args;

    switch (data->nr) {
    case SYS_lseek:
        r->offset = a[1];
        r->whence = (unsigned)a[2];
        break;
    case SYS_pwritev2:
        r->flags = (uint32_t)a[5];
        r->offset = a[3];
        r->positioned = a[3] != UINT64_MAX;
        break;
    case SYS_pwrite64:
    case SYS_pwritev:
        r->positioned = true;
        r->offset = a[3];
        break;
    case SYS_pread64:
        r->offset = a[3];
        break;
    case SYS_splice:
        r->path2 = a[1];
        r->positioned = a[3];
        break;
    case SYS_truncate:
    case SYS_ftruncate:
        r->offset = a[1];
        break;
    default:
        break;
    }
}

/* What the library of src/preload says beside. */
static void decode_mark(const struct seccomp_data *data, struct nomount_request *r)
{
    const __u64 *a = data->args;

    switch (data->nr) {
    case SYS_openat:
        r->mark = a[4];
        break;
    case SYS_chdir:
        r->mark = a[1];
        break;
    case SYS_getcwd:
        r->mark = a[2];
        break;
    case SYS_inotify_add_watch:
        r->mark = a[3];
        break;
    default:
        break;
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
    case SYS_statx:
        r->mode = (uint32_t)a[3];
        break;
    case SYS_mknodat:
        r->mode = (uint32_t)a[2];
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
    case SYS_mkdirat:
        r->directory = true;
        break;
    case SYS_utimensat:
        r->size = 2 * sizeof(struct timespec);
        break;
    case SYS_inotify_add_watch:
        r->nofollow = a[2] & IN_DONT_FOLLOW;
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
    case SYS_mknod:
        r->mode = a[1];
        break;
    case SYS_chown:
    case SYS_lchown:
        r->uid = (uint32_t)a[1];
        r->gid = (uint32_t)a[2];
        break;
    case SYS_mkdir:
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
    bool narrow = !(data->arch & __AUDIT_ARCH_64BIT);
    const struct nomount_syscall *row = find_row(data, narrow);

    if (!row)
        return false;
    *out = (struct nomount_request){.deed = row->deed,
                                    .narrow = narrow,
                                    .has_path = row->path >= 0,
                                    .has_path2 = row->path2 >= 0,
                                    .at = directory(data, row->at),
                                    .at2 = directory(data, row->at2),
                                    .path = argument(data, row->path),
                                    .path2 = argument(data, row->path2),
                                    .flags = (uint32_t)argument(data, row->flags),
                                    .out = argument(data, row->out),
                                    .size = argument(data, row->size)};
    /* open(2) has other flags than all the others. */
    if (row->deed != NOMOUNT_OPEN && row->deed != NOMOUNT_XATTR)
        out->empty = out->flags & AT_EMPTY_PATH;
    if (row->deed == NOMOUNT_OPEN && out->flags & O_PATH)
        out->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (narrow)
        return true;
    out->nofollow = keeps_link(row, out->flags);
    decode_offset(data, out);
    decode_rest(data, out);
    decode_mark(data, out);
    decode_older(data, out);
    return true;
}

#else

/* There is no filter for programs of this architecture (run/filter.c). */
const struct nomount_syscall nomount_syscalls[] = {{.number = -1}};
const size_t nomount_syscall_count = 1;
const struct nomount_syscall nomount_narrow[] = {{.number = -1}};
const size_t nomount_narrow_count = 1;
const int nomount_passes[] = {-1};

bool nomount_decode(const struct seccomp_data *data, struct nomount_request *out)
{
    return false;
}

#endif
