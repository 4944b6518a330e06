/* SPDX-License-Identifier: MIT */
#ifndef APUS_RIGHTS_RIGHTS_H
#define APUS_RIGHTS_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * Who forbids what was forbidden, and what helps. The errno of unshare(2) or mount(2) says neither:
 * it is EPERM for a missing capability, for the seccomp filter of a container, and for sysctls. So
 * what confines this process is looked at first: /proc/self/status, the security module's name for
 * it, and the sysctls of user namespaces.
 */
struct rights {
    bool root;                /* effective user */
    bool filtered;            /* a seccomp filter is in force */
    uint64_t bounding;        /* capabilities that this process could ever have; bits as CAP_* */
    bool no_user_namespaces;  /* kernel.unprivileged_userns_clone = 0 */
    bool few_user_namespaces; /* kernel.apparmor_restrict_unprivileged_userns = 1 */
    char module[64];          /* "docker-default (enforce)", an SELinux context, or "" */
};

/* Yama's kernel.ptrace_scope, about who may look at another process's memory: 0, or there is no
 * Yama: its user; 1: its ancestors; 2: who has SYS_PTRACE; 3: nobody. */
int rights_ptrace_scope(void);

void rights_look(struct rights *out);

/* Fills in what the text of /proc/PID/status tells. */
void rights_parse_status(const char *status, struct rights *out);

enum rights_deed {
    RIGHTS_USER_NAMESPACE, /* unshare(CLONE_NEWUSER) */
    RIGHTS_MAP_ROOT,       /* /proc/self/uid_map and gid_map of a new user namespace */
    RIGHTS_MOUNT,          /* mount(2) */
    RIGHTS_MOUNT_TREE,     /* open_tree(2), move_mount(2) */
};

/* Appends what helps when deed has failed with err (EPERM or EACCES): one clause, no full stop. */
void rights_advise(const struct rights *r, enum rights_deed deed, int err, struct text *out);

#endif
