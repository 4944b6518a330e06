/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_IMPORT_H
#define APUS_IMPORT_IMPORT_H

#include "base/abi.h"
#include "import/known.h"

struct core;

/*
 * Reads a source of whatever kind, which its content shows: a file, a directory, or "-", standard
 * input. 0, or -errno with "name: what is wrong" in why.
 */
int import_source(struct known *k, const char *path, struct text *why);

/* The same for a source in memory. */
int import_data(struct known *k, const char *name, const char *data, size_t len, struct text *why);

/*
 * Makes a core of what is known, and notes in k what contradicts, is missing or is assumed. 0, or
 * -EINVAL with a sentence in why: that is no machine.
 */
int import_build(struct known *k, enum abi_profile abi, struct core **out, struct text *why);

#endif
