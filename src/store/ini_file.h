/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_INI_FILE_H
#define APUS_STORE_INI_FILE_H

#include <stddef.h>

#include "base/text.h"

/*
 * Parses an INI file into a list of sections and entries with line numbers, so that error messages
 * can be precise. The usual libraries call back for each entry, so they do not report sections
 * without entries, and most truncate long names or lines.
 *
 * Syntax: [section], key = value (or key : value), blank lines. A comment begins with ; or # at the
 * start of a line, or with ; after a blank. A line may be indented. An indented line without = or :
 * continues the previous value: it is appended without a blank. A line has at most INI_LINE_MAX
 * bytes.
 */
#define INI_LINE_MAX 255u

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
 * 0: release *out with ini_file_done. -EINVAL: *out is unchanged, and a message about the first
 * mistake in the file, "name:line: what is wrong and what would be right", is appended to error.
 */
int ini_file_parse(const char *name, const char *data, size_t len, struct ini_file *out,
                   struct text *error);

void ini_file_done(struct ini_file *f);

#define ini_file_auto __attribute__((cleanup(ini_file_done))) struct ini_file

#endif
