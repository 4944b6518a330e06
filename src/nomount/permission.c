/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "nomount/internal.h"

/* The owner of the directory is the effective user, even if the files in it belong to root. */
int user_look(pid_t thread, struct nomount_user *out)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", (int)thread);
    if (stat(path, &st) < 0)
        return -ESRCH;
    *out = (struct nomount_user){st.st_uid, st.st_gid};
    return 0;
}

/* Supplementary groups do not count: nodes belong to root's, unless somebody changes that. */
int user_may(const struct nomount_user *user, mode_t mode, uid_t owner, gid_t group, unsigned want)
{
    unsigned may = mode & 7;

    if (user->uid == 0 && !(want & MAY_EXECUTE && !S_ISDIR(mode) && !(mode & 0111)))
        return 0;
    if (user->uid == owner)
        may = mode >> 6 & 7;
    else if (user->gid == group)
        may = mode >> 3 & 7;
    return (may & want) == want ? 0 : -EACCES;
}

int user_may_entry(const struct nomount_user *user, const struct sysfs_entry *e, unsigned want)
{
    mode_t mode = (e->type == SYSFS_TYPE_DIR ? S_IFDIR : S_IFREG) | e->mode;

    return user_may(user, mode, e->uid ? e->uid : geteuid(), e->gid ? e->gid : getegid(), want);
}
