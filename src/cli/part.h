/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_PART_H
#define APUS_CLI_PART_H

#include "base/text.h"

/*
 * Parts of Apus are programs of their own beside it: 'daemon' and 'import'. So the libraries that
 * they need (FUSE, OpenSSL, systemd; libarchive, libxml2, libyaml) are loaded for them alone, and
 * those that read foreign formats are not in the daemon. `apus NAME` executes the part.
 */

/* The path of a part, in the build tree or installed. False after an error message. */
bool part_find(const char *name, struct text *out);

#endif
