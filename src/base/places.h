/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_PLACES_H
#define APUS_BASE_PLACES_H

#include <stdbool.h>

/*
 * Where programs see the machine: its directories in /sys, and their path in the machine's tree.
 * Everything else in /sys is the computer's.
 */
struct place {
    const char *path, *from;
};

extern const struct place places[]; /* ends with a NULL path */

/* The place with this path, or NULL. */
const struct place *places_find(const char *path);
/* Whether a place is below path. */
bool places_below(const char *path);

#endif
