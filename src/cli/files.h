/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_FILES_H
#define APUS_CLI_FILES_H

#include <stdbool.h>

#include "base/text.h"

/* Where files of Apus are: found from where this program is, so all can be moved together. */

/* A file in the build tree that this program was started from. False: there is none. */
bool files_built(const char *relative, struct text *out);

/* A file in a directory of the installation (APUS_LIBEXECDIR, APUS_LIBDIR), as the build was
 * configured: absolute, or below the prefix. */
void files_installed(const char *dir, const char *name, struct text *out);

/* A program of the installation. False after an error message. */
bool files_program(const char *name, struct text *out);

#endif
