/* SPDX-License-Identifier: MIT */
#include "cli/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/apqn.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/field.h"
#include "socket/loopback.h"

enum number { NUMBER_WRONG, NUMBER_RIGHT, NUMBER_AMBIGUOUS };

/* In C notation, or in the hexadecimal digits in which tables and devices show it, unless these
 * would mean something else. */
static enum number parse_id(const char *word, size_t len, unsigned *out)
{
    uint64_t number = AP_IDS, shown = AP_IDS;
    bool plain = len > 1 && len <= 4 && strspn(word, "0123456789abcdefABCDEF") >= len;
    bool read = number_parse_u64(word, len, 0, &number) == 0 && *word != '+';

    if (plain) {
        char digits[8];

        snprintf(digits, sizeof(digits), "0x%.*s", (int)len, word);
        number_parse_u64(digits, len + 2, 0, &shown);
    }
    if (plain && (*word == '0' || !read)) {
        if (read && number != shown)
            return NUMBER_AMBIGUOUS;
        number = shown;
    }
    *out = (unsigned)number;
    return number < AP_IDS ? NUMBER_RIGHT : NUMBER_WRONG;
}

static int refuse_id(const char *word, size_t len, const char *what, enum number how)
{
    if (how == NUMBER_AMBIGUOUS)
        return cli_usage("%s '%.*s' could be octal or hexadecimal; say 0x%.*s for what tables show",
                         what, (int)len, word, (int)len, word);
    return cli_usage("%s must be a number from 0 to 255 such as 5, 0x47 or 0a, not '%.*s'", what,
                     (int)len, word);
}

int value_id(const char *word, const char *what, unsigned *out)
{
    enum number how = parse_id(word, strlen(word), out);

    return how == NUMBER_RIGHT ? 0 : refuse_id(word, strlen(word), what, how);
}

/* "5" or "4-6" */
static int add_range(const char *word, size_t len, const char *what, struct mask256 *out)
{
    const char *dash = memchr(word, '-', len);
    size_t first_len = dash ? (size_t)(dash - word) : len;
    unsigned first, last;
    enum number how = parse_id(word, first_len, &first);

    if (how != NUMBER_RIGHT)
        return refuse_id(word, first_len, what, how);
    last = first;
    if (dash) {
        how = parse_id(dash + 1, len - first_len - 1, &last);
        if (how != NUMBER_RIGHT)
            return refuse_id(dash + 1, len - first_len - 1, what, how);
        if (last < first)
            return cli_usage("the range '%.*s' ends before it begins", (int)len, word);
    }
    for (unsigned id = first; id <= last; id++)
        mask256_set(out, id);
    return 0;
}

int value_ids(const char *word, const char *what, struct mask256 *out)
{
    int status = 0;

    do {
        size_t len = strcspn(word, ",");

        status = add_range(word, len, what, out);
        word += len;
    } while (status == 0 && *word++ == ',');
    return status;
}

int value_record(const char *word, const char *what, uint64_t *out)
{
    if (number_parse_u64(word, strlen(word), 0, out) < 0 || *out > INT64_MAX)
        return cli_usage("--since takes the number of %s %s, not '%s'", *what == 'e' ? "an" : "a",
                         what, word);
    return 0;
}

int value_guest(const char *name)
{
    return text_is_printable(name, strlen(name))
               ? 0
               : cli_usage("'%s': a guest's name is UTF-8 without control characters", name);
}

int value_profile(const char *word, enum abi_profile *out)
{
    if (abi_parse(word, out) < 0)
        return cli_usage("unknown profile '%s'; expected 'proposal' or 'upstream'", word);
    return 0;
}

int value_yes_no(const char *option, const char *word, bool *out)
{
    if (strcmp(word, "yes") && strcmp(word, "no"))
        return cli_usage("--%s takes 'yes' or 'no', not '%s'", option, word);
    *out = strcmp(word, "yes") == 0;
    return 0;
}

int value_seccomp(const char *word, enum filter_action *out)
{
    static const char *const words[] = {
        [FILTER_KILL] = "kill", [FILTER_LOG] = "log", [FILTER_OFF] = "off"};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return *out = (enum filter_action)i, 0;
    return cli_usage("--seccomp takes 'kill', 'log' or 'off', not '%s'", word);
}

int value_metrics(const char *word, const char **out)
{
    *out = word;
    if (strchr(word, '/') || socket_loopback_is_valid(word))
        return 0;
    return cli_usage(
        "--metrics takes the path of a socket, with a slash in it (./metrics), or a port "
        "of this computer (9100, 127.0.0.1:9100 or [::1]:9100), not '%s'",
        word);
}

#define PREFIX_MAX 32

int value_nodes(const char *word, const char **prefix)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t len = strcspn(word, ":");

    if (len != strlen("cuse") || strncmp(word, "cuse", len) != 0)
        return cli_usage("--nodes takes 'cuse' or 'cuse:PREFIX', not '%s'", word);
    *prefix = word + len + (word[len] == ':');
    if (strspn(*prefix, allowed) != strlen(*prefix) || strlen(*prefix) > PREFIX_MAX ||
        **prefix == '.')
        return cli_usage(
            "--nodes=cuse: '%s' cannot begin the names of devices: at most %d letters, "
            "digits or _-., and no dot first",
            *prefix, PREFIX_MAX);
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

void value_print_date(const char *date)
{
    struct tm tm = {0};
    const char *rest = date ? strptime(date, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    time_t seconds = rest ? timegm(&tm) : 0;
    int millis = 0;
    char text[32];

    if (rest)
        sscanf(rest, ".%3d", &millis);
    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%F %T", &tm);
    printf("[%s.%03d] ", text, millis);
}
