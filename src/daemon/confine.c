/* SPDX-License-Identifier: MIT */
#include "daemon/confine.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "rights/keep.h"

/* Whoever enters a machine's namespaces, as `apus exec` does, must be allowed to look at its
 * daemon. For one that is not dumpable root needs SYS_PTRACE, which containers often withhold. */
static bool must_be_looked_at(void)
{
    return geteuid() == 0 && !rights_have(CAP_SYS_PTRACE);
}

void confine_begin(void)
{
    const struct rlimit none = {0};

    setrlimit(RLIMIT_CORE, &none);
    if (!must_be_looked_at())
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Root has all others at the start, to mount, to bind and to raise limits; an ordinary user has
 * none of these outside of `apus run`. */
static uint64_t needed(const struct daemon_options *o)
{
    /* Sockets, PID file and links are removed at the end from directories of other users. */
    uint64_t keep = RIGHT(CAP_DAC_OVERRIDE);

    /* Programs of all users ask by ioctl, and their operands are in their memory. */
    if (!o->no_tree || o->listens || o->nodes)
        keep |= rights_for_callers();
    /* Nodes are devices; in a user namespace, where nobody makes devices, they are bind mounts. */
    if (o->listens && !o->shadow)
        keep |= RIGHT(CAP_MKNOD) | RIGHT(CAP_SYS_ADMIN);
    if (o->nodes)
        keep |= RIGHT(CAP_MKNOD);
    /* The kernel takes uevents from an administrator of the network namespace. */
    if (o->uevent_fd >= 0)
        keep |= RIGHT(CAP_SYS_ADMIN);
    return keep;
}

void confine(const struct daemon_options *o, struct text *doubts)
{
    int rc = rights_keep(needed(o));

    if (rc < 0)
        text_addf(doubts, "the daemon cannot give up its privileges: %s\n", error_text(-rc));
    rc = filter_load(o->seccomp, (o->listens && !o->shadow) || o->nodes, o->shadow);
    if (rc < 0)
        text_addf(doubts,
                  "no seccomp filter confines the daemon: %s; --seccomp=off if that is meant\n",
                  error_text(-rc));
}

void *confine_keys_new(size_t size, bool *locked)
{
    void *keys = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (keys == MAP_FAILED)
        return NULL;
    madvise(keys, size, MADV_DONTDUMP);
    madvise(keys, size, MADV_WIPEONFORK);
    *locked = mlock(keys, size) == 0;
    return keys;
}

void confine_keys_free(void *keys, size_t size)
{
    if (!keys)
        return;
    explicit_bzero(keys, size);
    munmap(keys, size);
}
