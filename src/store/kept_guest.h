/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_KEPT_GUEST_H
#define APUS_STORE_KEPT_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/*
 * With what a real guest was started, to start it again: the file guests/NAME of a state directory.
 * Records end with a NUL, as in /proc/PID/environ, so they may have any other byte:
 *
 *   apus-guest 1                  the version of the format
 *   directory /home/anna          names of files are relative to it
 *   mdev 69aa1a8a-...             its mediated device; missing: none
 *   cpu max,apqi=off              QEMU's CPU model; missing: the default
 *   snapshot no                   it always boots; missing: a snapshot may be copied
 *   environment HOME=/home/anna   any number of them
 *   word --memory                 the words for linux/boot, in their order
 *   word 1024
 */
struct kept_guest {
    const char *directory;
    const char *mdev, *cpu; /* NULL: missing */
    bool no_snapshot;
    const char **environment, **words;
    size_t environment_count, word_count;
};

void kept_guest_format(const struct kept_guest *g, struct text *out);

/*
 * out points into data, and kept_guest_done frees the rest. 0, or -EINVAL with a clause in why:
 * another version, a record that is cut or not known, or two or none of what there has to be once.
 */
int kept_guest_parse(const char *data, size_t len, struct kept_guest *out, struct text *why);
void kept_guest_done(struct kept_guest *g);

#endif
