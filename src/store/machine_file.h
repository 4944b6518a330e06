/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_MACHINE_FILE_H
#define APUS_STORE_MACHINE_FILE_H

#include <stddef.h>

#include "base/text.h"
#include "machine/config.h"

/*
 * Machine files, see apus-machine(5): a section [machine] and sections [adapter LIST], in any
 * order. Defaults are those of machine_config_empty and of the adapter's type.
 */

/* The largest file accepted, in bytes. */
#define MACHINE_FILE_MAX (1024 * 1024)

/*
 * name identifies the text in messages. 0, or -EINVAL, also for a text without any section: *out is
 * unchanged, and a message about the first mistake, "name:line: what is wrong and what would be
 * right", is appended to error. It has no newline.
 */
int machine_file_parse(const char *name, const char *data, size_t len, struct machine_config *out,
                       struct text *error);

/* What messages call the file: its path, or "standard input" for "-". */
const char *machine_file_name(const char *path);

/*
 * The same for a file, which is read once and to its end, so it may be a pipe; "-" is standard
 * input. Also -EFBIG if it is larger than MACHINE_FILE_MAX, and the errors of open(2) and read(2);
 * error names the file.
 */
int machine_file_read(const char *path, struct text *out, struct text *error);

/*
 * Appends a line with newline, "name: ...", for everything that is valid but probably not intended:
 * a machine that cannot have a queue.
 */
void machine_file_doubts(const char *name, const struct machine_config *c, struct text *out);

/*
 * Appends c as a machine file with every key. Parsing it returns c, provided that c is something a
 * file can describe: known types, ids within the limits, and so on. (max_message 3 means 12288
 * bytes as 0 does, and comes back as 0.)
 */
void machine_file_format(const struct machine_config *c, struct text *out);

#endif
