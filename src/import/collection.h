/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_COLLECTION_H
#define APUS_IMPORT_COLLECTION_H

#include <stdbool.h>

#include "base/slice.h"
#include "import/known.h"

/* How an archive begins is known. */
bool archive_is(struct slice data);

/* Reads a tar archive, compressed or not, from memory or a file. Nothing is unpacked to files. 0,
 * or -EINVAL with a clause in why. */
int archive_data(struct known *k, const char *name, struct slice data, struct text *why);
int archive_file(struct known *k, const char *name, int fd, struct text *why);

/* A directory, without following links. 0, or -errno with a clause in why. */
int directory_read(struct known *k, const char *path, struct text *why);

#endif
