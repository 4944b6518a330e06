/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/internal.h"

/* The kernel's PROC_PID_INIT_INO, and MNT_NS_INIT_INO of Linux 6.17. */
#define PIDNS_INITIAL 0xeffffffcu
#define MNTNS_INITIAL 0xeffffff8u

static ino_t namespace_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* In a container, or a mount namespace beside the system's. */
static bool apart(void)
{
    ino_t own = namespace_of("/proc/self/ns/mnt"), first = namespace_of("/proc/1/ns/mnt");

    if (namespace_of("/proc/self/ns/pid") != PIDNS_INITIAL)
        return true;
    /* Whose it is process 1 tells root, as a rule. */
    return own != MNTNS_INITIAL && (first ? first != own : geteuid() == 0);
}

/* The mount that dir is in; 0: unknown. */
static uint64_t mount_of(const char *dir)
{
    struct statx st;

    /* Not asking the file system, which is our own. */
    if (statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0 ||
        !(st.stx_mask & STATX_MNT_ID))
        return 0;
    return st.stx_mnt_id;
}

/* Whether the mount has peers or could get some; true if that is unknown. */
static bool is_shared(uint64_t mount)
{
    FILE *list = fopen("/proc/self/mountinfo", "re");
    bool shared = true;
    char *line = NULL;
    size_t size = 0;

    while (list && getline(&line, &size, list) > 0) {
        char *end = strstr(line, " - "), *found = strstr(line, " shared:");

        if (strtoull(line, NULL, 10) == mount)
            shared = found && found < end;
    }
    free(line);
    if (list)
        fclose(list);
    return shared;
}

void daemon_warn_of_propagation(struct daemon *d)
{
    const char *dir = d->options->mount;

    if (dir && apart() && !is_shared(mount_of(dir)))
        daemon_log(d, LOG_LEVEL_WARNING,
                   "only this mount namespace will see the tree on %s: it is on no mount with "
                   "shared propagation (docker run -v DIR:DIR:rshared, or mount --make-shared)",
                   dir);
}
