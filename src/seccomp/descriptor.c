/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seccomp/internal.h"

#define PROC_BYTES 64

static void proc_path(pid_t thread, int fd, char out[PROC_BYTES])
{
    snprintf(out, PROC_BYTES, "/proc/%d/fd/%d", (int)thread, fd);
}

static int failure(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return -EACCES;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return -error;
    default:
        return -ENOENT;
    }
}

/* Why a descriptor was not found. -EBADF: only the descriptor is missing; -ENOENT: the thread is.
 */
static int absent(pid_t thread)
{
    char path[PROC_BYTES];

    snprintf(path, sizeof path, "/proc/%d/fd", (int)thread);
    return access(path, F_OK) == 0 ? -EBADF : -ENOENT;
}

/* Without asking a file system, which may be our own or not answer. */
static int look(const char *path, int how, struct descriptor *out)
{
    struct statx st;

    how |= AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
    if (statx(AT_FDCWD, path, how, STATX_INO, &st) < 0)
        return -errno;
    *out = (struct descriptor){(uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino};
    return 0;
}

int descriptor_of_path(const char *path, struct descriptor *out)
{
    return look(path, AT_SYMLINK_NOFOLLOW, out);
}

/* Not by fdinfo: a caller can make that text arbitrarily long, for example with file locks. */
int descriptor_look(pid_t thread, int fd, struct descriptor *out)
{
    char path[PROC_BYTES];
    int rc;

    proc_path(thread, fd, path);
    rc = look(path, 0, out);
    if (rc == -ENOENT)
        return absent(thread);
    return rc < 0 ? failure(-rc) : 0;
}

bool descriptor_can_ioctl(pid_t thread, int fd)
{
    char path[PROC_BYTES];
    struct stat st;

    proc_path(thread, fd, path);
    return lstat(path, &st) == 0 && st.st_mode & (S_IRUSR | S_IWUSR);
}

/* The owner of the directory is the effective user, even if the files in it belong to root. */
int descriptor_user(pid_t thread, uid_t *out)
{
    char path[PROC_BYTES];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", (int)thread);
    if (stat(path, &st) < 0)
        return -ESRCH;
    *out = st.st_uid;
    return 0;
}
