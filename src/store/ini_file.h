/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_INI_FILE_H
#define APUS_STORE_INI_FILE_H

#include <stddef.h>

#include "base/text.h"

/*
 * A file in INI form as a list of sections with their entries, each with its line number, for a
 * reader that wants to complain precisely. The usual libraries call back for each entry, and so do
 * not tell of sections without entries, and most cut names or lines that are too long.
 *
 * Form: [section], key = value (or key : value), blank lines, comments with ; or # at the start of
 * a line and with ; after a blank behind a value. A line may be indented. An indented line without
 * = or : continues the value above it: the two are joined without a blank between them. A line has
 * at most INI_LINE_MAX bytes.
 */
#define INI_LINE_MAX 197u

struct ini_entry {
    char *key, *value;
    unsigned line;
};

struct ini_section {
    char *name;
    unsigned line;
    struct ini_entry *entries;
    size_t count;
};

struct ini_file {
    struct ini_section *sections;
    size_t count;
};

/*
 * 0, and *out is to be released with ini_file_done. Otherwise -EINVAL, *out is untouched and error
 * has got "name:line: what is wrong and what would be right" for the first mistake in the file.
 */
int ini_file_parse(const char *name, const char *data, size_t len, struct ini_file *out,
                   struct text *error);

void ini_file_done(struct ini_file *f);

#define ini_file_auto __attribute__((cleanup(ini_file_done))) struct ini_file

#endif
