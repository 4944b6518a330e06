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
 * name is what messages call the text. 0, or -EINVAL, also for a text without any section: then
 * *out is untouched and error has got one line without newline, "name:line: what is wrong and what
 * would be right", for one mistake.
 */
int machine_file_parse(const char *name, const char *data, size_t len, struct machine_config *out,
                       struct text *error);

/* What messages call the file: its path, or "standard input" for "-". */
const char *machine_file_name(const char *path);

/*
 * Reads a file, once and to its end, so it may be a pipe; "-" is standard input. -EFBIG: above
 * MACHINE_FILE_MAX, or the -errno of open(2) and read(2); error says which file.
 */
int machine_file_read(const char *path, struct text *out, struct text *error);

/* Reads and parses. */
int machine_file_load(const char *path, struct machine_config *out, struct text *error);

/*
 * Appends a line with its newline, "name: ...", for each thing that no error is and that is hardly
 * meant: a machine on which there cannot be a queue.
 */
void machine_file_doubts(const char *name, const struct machine_config *c, struct text *out);

/*
 * Appends c as a machine file, every key written out. Reading it gives c again, provided that c
 * describes a machine a file can: known types, ids within the maxima, and so on. (max_message 3 is
 * another way to say 12288 bytes and comes back as 0.)
 */
void machine_file_format(const struct machine_config *c, struct text *out);

#endif
