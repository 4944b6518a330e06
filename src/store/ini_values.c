/* SPDX-License-Identifier: MIT */
#include "store/ini_values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/number.h"

int ini_refuse(const struct ini_reading *r, unsigned line, const char *format, ...)
{
    va_list args;

    text_addf(r->error, "%s:%u: ", r->name, line);
    va_start(args, format);
    text_addv(r->error, format, args);
    va_end(args);
    return -EINVAL;
}

/* Refuses the value of a key: name:line: key = "value": remedy. */
int ini_refuse_value(const struct ini_reading *r, const struct ini_entry *e, const char *remedy)
{
    text_addf(r->error, "%s:%u: %s = ", r->name, e->line, e->key);
    text_add_quoted(r->error, e->value, strlen(e->value));
    text_addf(r->error, ": %s", remedy);
    if (strchr(e->value, '#'))
        text_adds(r->error, " (a comment after a value begins with ;)");
    return -EINVAL;
}

/* Sorts a section's entries by key; refuses unknown and repeated keys. */
int ini_keys_collect(const struct ini_reading *r, const struct ini_section *s,
                     const char *const *keys, const struct ini_entry **found)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct ini_entry *e = &s->entries[i];
        unsigned k = 0;

        while (keys[k] && strcmp(keys[k], e->key) != 0)
            k++;
        if (!keys[k]) {
            text_auto quoted = {0};

            text_add_quoted(&quoted, e->key, strlen(e->key));
            ini_refuse(r, e->line, "unknown key %s; the keys of this section are", quoted.data);
            for (k = 0; keys[k]; k++)
                text_addf(r->error, "%s %s", k ? "," : "", keys[k]);
            return -EINVAL;
        }
        if (found[k])
            return ini_refuse(r, e->line, "%s is given twice, first in line %u; keep one", e->key,
                              found[k]->line);
        found[k] = e;
    }
    return 0;
}

int ini_number(const struct ini_reading *r, const struct ini_entry *e, uint64_t low, uint64_t high,
               uint64_t *out)
{
    size_t len = strlen(e->value);
    uint64_t value;
    char remedy[96];

    if (number_parse_u64(e->value, len, 0, &value) == 0 && value >= low && value <= high) {
        *out = value;
        return 0;
    }
    snprintf(remedy, sizeof remedy,
             high > 65535 ? "expected a number from %#llx to %#llx"
                          : "expected a number from %llu to %llu",
             (unsigned long long)low, (unsigned long long)high);
    return ini_refuse_value(r, e, remedy);
}

int ini_switch(const struct ini_reading *r, const struct ini_entry *e, bool *out)
{
    if (!e)
        return 0;
    if (strcmp(e->value, "yes") != 0 && strcmp(e->value, "no") != 0)
        return ini_refuse_value(r, e, "expected yes or no");
    *out = strcmp(e->value, "yes") == 0;
    return 0;
}

int ini_list(const struct ini_reading *r, const struct ini_entry *e, unsigned max,
             const char *limit, struct mask256 *out)
{
    text_auto why = {0};
    struct mask256 m = {{0}};
    unsigned above;

    if (!e)
        return 0;
    if (*e->value && ap_list_parse(e->value, strlen(e->value), &m, &why) < 0)
        return ini_refuse(r, e->line, "%s: %s", e->key, why.data);
    above = mask256_next(&m, max + 1);
    if (above < MASK256_BITS)
        return ini_refuse(r, e->line,
                          "%s: %u (0x%02x) is above %s, which is %u; leave it out or raise %s",
                          e->key, above, above, limit, max, limit);
    *out = m;
    return 0;
}

int ini_mask(const struct ini_reading *r, const struct ini_entry *e, struct mask256 *out)
{
    struct mask256 m;

    if (!e)
        return 0;
    if (!*e->value || mask256_parse_parameter(e->value, &m) < 0)
        return ini_refuse_value(r, e,
                                "expected 0x and up to 64 hexadecimal digits, or changes to an "
                                "empty mask such as +0-255,-4");
    *out = m;
    return 0;
}
