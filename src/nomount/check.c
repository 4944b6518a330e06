/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

#include "nomount/syscalls.h"

/* What is wrong with a call whatever file it is about, as the kernel judges it. */

#define LINK_OR_EMPTY (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
#define SYNC_TYPE     (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC)
#define HANDLE_FLAGS                                                                               \
    0x203u /* with AT_HANDLE_FID, AT_HANDLE_MNT_ID_UNIQUE, AT_HANDLE_CONNECTABLE                   \
            */
#define RESOLVE_KNOWN   0x3fu
#define XATTR_LENGTH    255
#define XATTR_VALUE_MAX 65536u

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE  2u
#define RENAME_WHITEOUT  4u
#endif

static int only(uint64_t flags, uint64_t known)
{
    return flags & ~known ? -EINVAL : 0;
}

static int check_open(uint64_t flags)
{
    const unsigned temporary = O_TMPFILE & ~O_DIRECTORY;

    if (flags & temporary)
        return (flags & O_TMPFILE) != O_TMPFILE || flags & O_CREAT ||
                       (flags & O_ACCMODE) == O_RDONLY
                   ? -EINVAL
                   : 0;
    return (flags & O_DIRECTORY && flags & O_CREAT) ? -EINVAL : 0;
}

int nomount_check_how(const struct open_how *how)
{
    const uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                           O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ |
                           O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                           O_TMPFILE /* and with it O_DIRECTORY */;
    const uint64_t named = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const uint64_t makes = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);

    if (how->flags & ~known || how->resolve & ~(uint64_t)RESOLVE_KNOWN ||
        how->mode & ~UINT64_C(07777) || (how->mode && !(how->flags & makes)) ||
        (how->flags & O_PATH && how->flags & ~named) ||
        (how->resolve & RESOLVE_BENEATH && how->resolve & RESOLVE_IN_ROOT))
        return -EINVAL;
    if (how->resolve & RESOLVE_CACHED && how->flags & (makes | O_TRUNC))
        return -EAGAIN;
    return check_open(how->flags);
}

static int check_statx(const struct nomount_request *r)
{
    if (r->mode & 0x80000000u || (r->flags & SYNC_TYPE) == SYNC_TYPE)
        return -EINVAL;
    return only(r->flags, LINK_OR_EMPTY | AT_NO_AUTOMOUNT | SYNC_TYPE);
}

static int check_kind(uint64_t mode)
{
    switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return 0;
    default:
        return S_ISDIR(mode) ? -EPERM : -EINVAL;
    }
}

static int check_rename(uint64_t flags)
{
    const uint64_t other = RENAME_NOREPLACE | RENAME_WHITEOUT;

    if (flags & RENAME_EXCHANGE && flags & other)
        return -EINVAL;
    return only(flags, other | RENAME_EXCHANGE);
}

static int check_xattr(const struct nomount_request *r, const char *name)
{
    if (r->flags & ~UINT64_C(3)) /* XATTR_CREATE, XATTR_REPLACE */
        return -EINVAL;
    if (name && (!*name || strlen(name) > XATTR_LENGTH))
        return -ERANGE;
    return r->size > XATTR_VALUE_MAX ? -E2BIG : 0;
}

int nomount_check(const struct nomount_request *r, const char *path2)
{
    switch (r->deed) {
    case NOMOUNT_OPEN:
        return check_open(r->flags);
    case NOMOUNT_STAT:
        return only(r->flags, LINK_OR_EMPTY | AT_NO_AUTOMOUNT | SYNC_TYPE);
    case NOMOUNT_STATX:
        return check_statx(r);
    case NOMOUNT_ACCESS:
        return r->mode & ~UINT64_C(7) ? -EINVAL : only(r->flags, LINK_OR_EMPTY | AT_EACCESS);
    case NOMOUNT_READLINK:
        return (int)r->size <= 0 ? -EINVAL : 0;
    case NOMOUNT_TRUNCATE:
        return (int64_t)r->offset < 0 ? -EINVAL : 0;
    case NOMOUNT_CHMOD:
    case NOMOUNT_CHOWN:
    case NOMOUNT_TIMES:
        return only(r->flags, LINK_OR_EMPTY);
    case NOMOUNT_CREATE:
        return path2 && !*path2 ? -ENOENT : check_kind(r->mode);
    case NOMOUNT_REMOVE:
        return only(r->flags, AT_REMOVEDIR);
    case NOMOUNT_RENAME:
        return check_rename(r->flags);
    case NOMOUNT_LINK:
        return only(r->flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH);
    case NOMOUNT_XATTR:
        return check_xattr(r, path2);
    case NOMOUNT_HANDLE:
        return only(r->flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | HANDLE_FLAGS);
    default:
        return 0;
    }
}
