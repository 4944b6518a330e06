/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_MEMBER_H
#define APUS_IMPORT_MEMBER_H

#include "base/slice.h"
#include "import/known.h"

/* The files of a collection: an archive or a directory. The path says what a file may be. */

enum member {
    MEMBER_NONE,
    MEMBER_SYSFS,
    MEMBER_TEXT,   /* what read_any recognises */
    MEMBER_LOOSE,  /* perhaps such a text, by its ending */
    MEMBER_ARCHIVE /* an archive in an archive */
};

/* As much as is read of a file. */
#define MEMBER_MAX (16u << 20)

/* Loose files are looked at no deeper than in a folder of the collection. */
#define MEMBER_LOOSE_DEPTH 2u

/* depth: of the file in its collection, from 1. */
enum member member_kind(const char *path, unsigned depth);

/* collection: its name for notes. A file that is not understood is noted. */
void member_file(struct known *k, const char *collection, const char *path, struct slice data);
void member_link(struct known *k, const char *collection, const char *path, const char *target);

#endif
