/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_VALUE_H
#define APUS_CLI_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/abi.h"
#include "base/mask256.h"
#include "base/text.h"
#include "daemon/filter.h"

/* Parsing of operands and printing of tables, shared by the subcommands. */

/*
 * An adapter or domain number, 0 to 255: in C notation, or as tables and devices show it, in hex
 * digits ("0a", "1a", "0047"), unless that means two things: "10" is decimal, "010" is refused.
 * what names it in the error: "adapter". 0, or 2 after a usage error.
 */
int value_id(const char *word, const char *what, unsigned *out);

/* Adds numbers and ranges such as "4-6,9". As value_id. */
int value_ids(const char *word, const char *what, struct mask256 *out);

/* The name of a guest: JSON has no word for what is no UTF-8. 0, or 2 after a usage error. */
int value_guest(const char *name);

/* The name of a profile. 0, or 2 after a usage error. */
int value_profile(const char *word, enum abi_profile *out);

/* "yes" or "no", of an option. 0, or 2 after a usage error. */
int value_yes_no(const char *option, const char *word, bool *out);

/* "kill", "log" or "off". 0, or 2 after a usage error. */
int value_seccomp(const char *word, enum filter_action *out);

/* Of --nodes: "cuse" or "cuse:PREFIX"; gives PREFIX, or "". 0, or 2 after a usage error. */
int value_nodes(const char *word, const char **prefix);

/* "on" or "off". 0, or 2 after a usage error. */
int value_on_off(const char *word, bool *out);

/*
 * A table of text: rows of cells, aligned to the left, two blanks apart. The first row is the
 * heading. Initialize with zeros.
 */
struct table {
    struct text cells; /* each terminated by NUL, row by row */
    unsigned columns, count;
};

void table_add(struct table *t, const char *cell);
void table_addf(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The numbers in a member of an object, as formatted by field_ids. */
void table_add_ids(struct table *t, const json_t *object, const char *name, int digits);
/* Prints the table to standard output, indented, and frees it. */
void table_print(struct table *t, unsigned indent);

/* Escape sequences for a terminal; "" without colours. */
const char *value_bold(void);
const char *value_plain(void);

/* The value of --since: the number of a message or an event. An exit status. */
int value_record(const char *word, const char *what, uint64_t *out);

/* Prints "[2026-11-29 17:21:01.123] ", in local time, of a date as the control protocol has it. */
void value_print_date(const char *date);

/* Where metrics are served: the path of a socket, which has a slash, or a port. An exit status. */
int value_metrics(const char *word, const char **out);

#endif
