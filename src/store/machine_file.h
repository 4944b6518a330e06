/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_MACHINE_FILE_H
#define APUS_STORE_MACHINE_FILE_H

#include <stddef.h>

#include "base/text.h"
#include "machine/config.h"

/*
 * Machine files, see apus-machine(5): a section [machine] and sections [adapter LIST], in any
 * order. What a file leaves out is as in machine_config_empty and as the adapter's type implies.
 */

/* The largest file that is read, in bytes. */
#define MACHINE_FILE_MAX (1024 * 1024)

/*
 * name is what messages call the text. 0, or -EINVAL: then *out is untouched and error has got one
 * line without newline, "name:line: what is wrong and what would be right", for one mistake.
 */
int machine_file_parse(const char *name, const char *data, size_t len, struct machine_config *out,
                       struct text *error);

/*
 * The same from a file. Besides: -EFBIG above MACHINE_FILE_MAX, and the errno of open and read;
 * error says which file.
 */
int machine_file_load(const char *path, struct machine_config *out, struct text *error);

/*
 * Appends c as a machine file, every key written out. Reading it gives c again, provided that c
 * describes a machine a file can: known types, ids within the maxima, and so on. (max_message 3 is
 * another way to say 12288 bytes and comes back as 0.)
 */
void machine_file_format(const struct machine_config *c, struct text *out);

#endif
