/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_WORLD_H
#define APUS_CLI_WORLD_H

#include <jansson.h>

#include "core/core.h"

/*
 * A core of one's own, to look at and to try things on: of a machine file, or with file NULL a copy
 * of the running machine. 0, or 1 after an error message. *out is to be freed with core_free.
 */
int world_load(const char *file, struct core **out);

/* The same, of what the control command export has returned. */
int world_build(const json_t *exported, struct core **out);

#endif
