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

/* Without the NULs at its end; those are no changes yet. */
static long long length(int fd)
{
    struct stat st;
    char part[4096];
    long long end = fstat(fd, &st) == 0 ? st.st_size : 0;

    while (end) {
        long long from = (end - 1) / (long long)sizeof part * (long long)sizeof part;
        ssize_t n = pread(fd, part, (size_t)(end - from), from);

        while (n > 0 && !part[n - 1])
            n--;
        if (n)
            return from + n;
        end = from;
    }
    return 0;
}

int fdatasync(int fd)
{
    long long safe = length(fd);
    int rc;

    usleep(SLOW_US);
    rc = (int)syscall(SYS_fdatasync, fd);
    if (rc == 0)
        dprintf(witness, "%lld\n", safe);
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
