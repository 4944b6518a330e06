/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_SYNTH_H
#define APUS_BASE_SYNTH_H

#include "base/effects.h"

/*
 * Synthetic uevents: a write to an attribute "uevent" (the kernel's
 * Documentation/ABI/testing/sysfs-uevent, and the observed behaviour of Linux 6.18).
 *
 *   ACTION                         gives SYNTH_UUID=0
 *   ACTION UUID [KEY=VALUE ...]    gives SYNTH_UUID=UUID SYNTH_ARG_KEY=VALUE ...
 *
 * Words are separated by one blank; one trailing newline or NUL is allowed. The UUID keeps its
 * case. KEY and VALUE are non-empty and consist of digits and Latin-1 letters.
 */
struct synth {
    char action[8];   /* add remove change move online offline bind unbind */
    struct text vars; /* variables, each with its terminator; freed by synth_done */
};

/* 0, or -EINVAL, also if there are more variables than a uevent can have. */
int synth_parse(const char *data, size_t len, struct synth *out);
void synth_done(struct synth *s);

/*
 * Handles such a write for the object at devpath (no leading slash). subsystem: NULL for an object
 * that sends no uevents, as a device without bus and class; the write is only checked then. lines:
 * the object's own variables as shown by its attribute. 0; -EINVAL; -ENOMEM: the uevent would have
 * more than 64 variables or 2048 bytes.
 */
int synth_store(const char *devpath, const char *subsystem, const char *lines, const char *data,
                size_t len, struct effects *fx);

#endif
