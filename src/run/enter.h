/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_ENTER_H
#define APUS_RUN_ENTER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Moves a process into the machine that a daemon serves: into its namespaces, as root there if they
 * are an ordinary user's, with its root directory, and in the same working directory if the machine
 * has it.
 */
struct enter {
    int process; /* pidfd of the daemon */
    int root;    /* its root directory */
    int flags;   /* the namespaces that are others than ours; 0: we are inside already */
};

/* 0, or -errno after an error message. */
int enter_prepare(pid_t daemon, struct enter *out);
int enter_machine(const struct enter *e);
void enter_done(struct enter *e);

#endif
