/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_OUTPUT_H
#define APUS_CLI_OUTPUT_H

#include "base/text.h"

/* Writes the text to a file; NULL and "-" are standard output. An exit status. */
int output_write(const char *path, const struct text *text);

#endif
