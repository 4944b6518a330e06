/* SPDX-License-Identifier: MIT */
#include "store/kept_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"

#define FIRST "apus-guest 1"

static void add(struct text *out, const char *key, const char *value)
{
    text_adds(out, key);
    text_add(out, " ", 1);
    text_add(out, value, strlen(value) + 1);
}

void kept_guest_format(const struct kept_guest *g, struct text *out)
{
    text_add(out, FIRST, sizeof FIRST);
    add(out, "directory", g->directory);
    if (g->mdev)
        add(out, "mdev", g->mdev);
    if (g->cpu)
        add(out, "cpu", g->cpu);
    if (g->no_snapshot)
        add(out, "snapshot", "no");
    for (size_t i = 0; i < g->environment_count; i++)
        add(out, "environment", g->environment[i]);
    for (size_t i = 0; i < g->word_count; i++)
        add(out, "word", g->words[i]);
}

static int refuse(struct text *why, const char *what, const char *record)
{
    text_adds(why, what);
    if (record)
        text_add_quoted(why, record, strlen(record));
    return -EINVAL;
}

static bool is_uuid(const char *value)
{
    struct uuid ignored;

    return uuid_parse(value, strlen(value), &ignored) == 0;
}

static void append(const char ***list, size_t *count, const char *value)
{
    *list = xrealloc(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = value;
}

/* The value of a record, if it has that key. */
static const char *value_of(const char *record, const char *key)
{
    size_t len = strlen(key);

    return strncmp(record, key, len) == 0 && record[len] == ' ' ? record + len + 1 : NULL;
}

/* Sets what there may be once. */
static int take_once(const char **field, const char *value, bool valid, const char *record,
                     struct text *why)
{
    if (*field)
        return refuse(why, "there are two of ", record);
    if (!valid)
        return refuse(why, "its value is not valid: ", record);
    *field = value;
    return 0;
}

static int take_snapshot(struct kept_guest *g, const char *value, const char *record,
                         struct text *why)
{
    const char *given = g->no_snapshot ? value : NULL;
    int rc = take_once(&given, value, strcmp(value, "no") == 0, record, why);

    g->no_snapshot = rc == 0;
    return rc;
}

static int take(const char *record, struct kept_guest *out, struct text *why)
{
    const char *value;

    if ((value = value_of(record, "directory")))
        return take_once(&out->directory, value, *value == '/', record, why);
    if ((value = value_of(record, "mdev")))
        return take_once(&out->mdev, value, is_uuid(value), record, why);
    if ((value = value_of(record, "cpu")))
        return take_once(&out->cpu, value, *value, record, why);
    if ((value = value_of(record, "snapshot")))
        return take_snapshot(out, value, record, why);
    if ((value = value_of(record, "word"))) {
        append(&out->words, &out->word_count, value);
        return 0;
    }
    if ((value = value_of(record, "environment")) && strchr(value, '=') > value) {
        append(&out->environment, &out->environment_count, value);
        return 0;
    }
    return refuse(why, "this version does not know ", record);
}

int kept_guest_parse(const char *data, size_t len, struct kept_guest *out, struct text *why)
{
    int rc = 0;

    *out = (struct kept_guest){0};
    if (!len || data[len - 1])
        return refuse(why, "it was not written to its end", NULL);
    if (strcmp(data, FIRST) != 0)
        return refuse(why, "it does not begin with \"" FIRST "\" but with ", data);
    for (size_t at = sizeof FIRST; rc == 0 && at < len; at += strlen(data + at) + 1)
        rc = take(data + at, out, why);
    if (rc == 0 && !out->directory)
        rc = refuse(why, "it has no directory", NULL);
    if (rc < 0)
        kept_guest_done(out);
    return rc;
}

void kept_guest_done(struct kept_guest *g)
{
    free(g->environment);
    free(g->words);
    *g = (struct kept_guest){0};
}
