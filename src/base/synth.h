/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_SYNTH_H
#define APUS_BASE_SYNTH_H

#include "base/effects.h"

/*
 * Synthetic uevents: what a write to an attribute "uevent" means (the kernel's
 * Documentation/ABI/testing/sysfs-uevent, and what Linux 6.18 was seen to answer).
 *
 *   ACTION                         gives SYNTH_UUID=0
 *   ACTION UUID [KEY=VALUE ...]    gives SYNTH_UUID=UUID SYNTH_ARG_KEY=VALUE ...
 *
 * One blank between words, one newline or NUL at the end allowed. The UUID keeps its case. KEY and
 * VALUE are of one letter or digit or more; the letters are those of Latin-1.
 */
struct synth {
    char action[8];   /* add remove change move online offline bind unbind */
    struct text vars; /* the variables, each with its terminator; synth_done frees them */
};

/* 0, or -EINVAL, also for more variables than one uevent can have. */
int synth_parse(const char *data, size_t len, struct synth *out);
void synth_done(struct synth *s);

/*
 * Such a write to the object at devpath (no leading slash). subsystem: NULL for an object that
 * sends no uevents, as a device without bus and class does; then the write is only checked. lines:
 * the object's own variables as its attribute shows them. 0, -EINVAL, or -ENOMEM if the uevent
 * would have more than 64 variables or 2048 bytes.
 */
int synth_store(const char *devpath, const char *subsystem, const char *lines, const char *data,
                size_t len, struct effects *fx);

#endif
