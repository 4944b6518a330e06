/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_SETUP_H
#define APUS_STORE_SETUP_H

#include "core/saved.h"

/*
 * A machine file with all of its sections, see apus-machine(5): the hardware as machine_file.h
 * reads it, and what runs on it, the objects of core/saved.h in a form for people. Whatever a
 * section does not say is as it is after the start of such a machine.
 */
struct setup_object {
    struct saved s; /* of.id and of.tree are found by setup_core where no number is given */
    unsigned line;  /* of its section */
    uint32_t given; /* bit n: the key of that number in its kind's table */
    char *name;     /* of a guest, a node or a driver; the rule of a fault */
    /* STATE_CARD: domains whose queues have no driver, or one of that side */
    struct mask256 unbound, zcrypt, vfio_ap;
    struct uuid uuid; /* STATE_GUEST: its mediated device */
    uint64_t features, left;
    bool unchecked; /* STATE_MDEV: also against masks and highest numbers */
    char *system;   /* the name of the guest in whose system it is; NULL: the host's */
};

struct setup {
    struct machine_config machine;
    struct setup_object *v; /* in the order of the file */
    size_t count;
    char *name; /* of the file, for messages of setup_core */
};

/* name and data as for machine_file_parse. 0: to be freed with setup_done. -EINVAL: *out is empty,
 * and error has a message "name:line: ...". */
int setup_parse(const char *name, const char *data, size_t len, struct setup *out,
                struct text *error);
void setup_done(struct setup *s);

#define setup_auto __attribute__((cleanup(setup_done))) struct setup

/* Makes a core of it. -EINVAL, with a message "name:line: ...": the sections contradict each
 * other or the machine. *fx gets what core_new and core_restored bring. */
int setup_core(const struct setup *s, struct core **out, struct effects *fx, struct text *why);

/* Both, for a core whose effects nobody hears. Errors as above; *out is NULL then. */
int setup_load(const char *name, const char *data, size_t len, struct core **out, struct text *why);

/* Appends the core's state as a machine file, without counters, requests and removals under way
 * (core/saved.h). setup_core makes the same state of it. */
void setup_format(const struct core *core, struct text *out);

/* A core with the state of c. */
struct core *setup_copy(const struct core *c);

#endif
