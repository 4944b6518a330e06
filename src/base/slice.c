/* SPDX-License-Identifier: MIT */
#include "base/slice.h"

#include <string.h>

#include "base/text.h"

static bool is_in(char c, const char *set)
{
    return c && strchr(set, c);
}

struct slice slice_from(struct slice s, size_t n)
{
    return (struct slice){s.at + n, s.len - n};
}

struct slice slice_trim(struct slice s, const char *blanks)
{
    while (s.len && is_in(s.at[0], blanks))
        s = slice_from(s, 1);
    while (s.len && is_in(s.at[s.len - 1], blanks))
        s.len--;
    return s;
}

struct slice slice_word(struct slice *rest)
{
    struct slice word;

    while (rest->len && is_in(rest->at[0], SLICE_BLANKS))
        *rest = slice_from(*rest, 1);
    word = (struct slice){rest->at, 0};
    while (word.len < rest->len && !is_in(word.at[word.len], SLICE_BLANKS))
        word.len++;
    *rest = slice_from(*rest, word.len);
    return word;
}

bool slice_cut(struct slice s, char separator, struct slice *before, struct slice *after)
{
    const char *found = s.len ? memchr(s.at, separator, s.len) : NULL;
    size_t n = found ? (size_t)(found - s.at) : s.len;

    *before = (struct slice){s.at, n};
    *after = slice_from(s, found ? n + 1 : n);
    return found;
}

bool slice_line(struct slice *rest, struct slice *line)
{
    if (!rest->len)
        return false;
    slice_cut(*rest, '\n', line, rest);
    return true;
}

void slice_add_lines(struct slice lines, const char *before, struct text *out)
{
    for (struct slice line; slice_line(&lines, &line);)
        text_addf(out, "%s%.*s\n", before, (int)line.len, line.at);
}

bool slice_is(struct slice s, const char *text)
{
    return s.len == strlen(text) && (!s.len || memcmp(s.at, text, s.len) == 0);
}

bool slice_starts(struct slice s, const char *prefix)
{
    return s.len >= strlen(prefix) && (!*prefix || memcmp(s.at, prefix, strlen(prefix)) == 0);
}

int slice_refuse(struct text *why, int rc, const char *before, struct slice s, const char *after)
{
    if (!why)
        return rc;
    text_adds(why, before);
    if (s.len)
        text_add_quoted(why, s.at, s.len);
    text_adds(why, after);
    return rc;
}
