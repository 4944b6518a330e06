/* SPDX-License-Identifier: MIT */
#include "cli/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/apqn.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/field.h"

int value_id(const char *word, const char *what, unsigned *out)
{
    uint64_t number;

    if (number_parse_u64(word, strlen(word), 0, &number) < 0 || number >= AP_IDS)
        return cli_usage("%s must be a number from 0 to 255 such as 5 or 0x47, not '%s'", what,
                         word);
    *out = (unsigned)number;
    return 0;
}

int value_profile(const char *word, enum abi_profile *out)
{
    if (abi_parse(word, out) < 0)
        return cli_usage("unknown profile '%s'; expected 'proposal' or 'upstream'", word);
    return 0;
}

int value_on_off(const char *word, bool *out)
{
    if (strcmp(word, "on") && strcmp(word, "off"))
        return cli_usage("expected 'on' or 'off', not '%s'", word);
    *out = strcmp(word, "on") == 0;
    return 0;
}

void table_add(struct table *t, const char *cell)
{
    text_add(&t->cells, cell, strlen(cell) + 1);
    t->count++;
}

void table_addf(struct table *t, const char *format, ...)
{
    text_auto cell = {0};
    va_list args;

    va_start(args, format);
    text_addv(&cell, format, args);
    va_end(args);
    table_add(t, cell.data);
}

static size_t *measure(const struct table *t)
{
    size_t *width = xcalloc(t->columns, sizeof(*width));
    const char *cell = t->cells.data;

    for (unsigned i = 0; i < t->count; i++, cell += strlen(cell) + 1)
        if (strlen(cell) > width[i % t->columns])
            width[i % t->columns] = strlen(cell);
    return width;
}

void table_add_ids(struct table *t, const json_t *object, const char *name, int digits)
{
    text_auto list = {0};

    field_ids(json_object_get(object, name), digits, &list);
    table_add(t, list.data);
}

void table_print(struct table *t, unsigned indent)
{
    size_t *width = measure(t);
    const char *cell = t->cells.data;

    for (unsigned i = 0; i < t->count; i++, cell += strlen(cell) + 1) {
        unsigned column = i % t->columns;
        bool last = column + 1 == t->columns;

        if (column == 0)
            printf("%*s%s", (int)indent, "", i == 0 ? value_bold() : "");
        if (last)
            printf("%s%s\n", cell, i < t->columns ? value_plain() : "");
        else
            printf("%-*s  ", (int)width[column], cell);
    }
    free(width);
    text_done(&t->cells);
    t->count = 0;
}

const char *value_bold(void)
{
    return cli_color() ? "\033[1m" : "";
}

const char *value_plain(void)
{
    return cli_color() ? "\033[0m" : "";
}
