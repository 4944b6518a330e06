/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

static bool same_user_namespace(pid_t thread)
{
    char path[64], theirs[64], ours[64];
    ssize_t len, own = readlink("/proc/self/ns/user", ours, sizeof ours);

    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)thread);
    len = readlink(path, theirs, sizeof theirs);
    return len > 0 && len == own && memcmp(theirs, ours, (size_t)len) == 0;
}

static bool capabilities_of(const char *status, uint64_t *out)
{
    char line[256];
    FILE *file = fopen(status, "re");
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "CapEff: %" SCNx64, out) == 1;
    if (file)
        fclose(file);
    return found;
}

bool user_is_as_able(pid_t thread)
{
    uint64_t ours, theirs;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    return capabilities_of("/proc/thread-self/status", &ours) && capabilities_of(path, &theirs) &&
           !(ours & ~theirs) && same_user_namespace(thread);
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

int unchangeable(const struct nomount_call *c)
{
    return c->user.uid == 0 || c->user.uid == geteuid() ? -EPERM : -EACCES;
}
