/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a daemon, a medium that is slow and has a witness: each fdatasync takes time, and
 * when it is done the file of the environment variable LOSSY_LOG gets a line with the length that
 * is safe. What lies behind that is what a loss of power may take. With LOSSY_DIRECTORIES, an
 * errno, no directory can be synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOW_US 3000

static int witness = -1;

__attribute__((constructor)) static void open_witness(void)
{
    const char *path = getenv("LOSSY_LOG");

    if (path)
        witness = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

int fdatasync(int fd)
{
    struct stat st;
    int rc = fstat(fd, &st);

    usleep(SLOW_US);
    if (rc == 0)
        rc = (int)syscall(SYS_fdatasync, fd);
    if (rc == 0)
        dprintf(witness, "%lld\n", (long long)st.st_size);
    return rc;
}

int fsync(int fd)
{
    const char *error = getenv("LOSSY_DIRECTORIES");
    struct stat st;

    if (error && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = atoi(error);
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
