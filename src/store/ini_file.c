/* SPDX-License-Identifier: MIT */
#include "store/ini_file.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

struct parser {
    const char *name;
    const char *next, *end; /* what inih has not asked for yet */
    struct span text;       /* the current line, without blanks around it */
    unsigned line;
    bool continued; /* the current line belongs to the value above it */
    struct ini_file file;
    struct text *error;
    unsigned failed; /* line of the first mistake; 0 = none */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct span span_trim(struct span s)
{
    while (s.len && is_blank(s.at[0]))
        s = (struct span){s.at + 1, s.len - 1};
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* As inih does it: a semicolon begins a comment when a blank stands before it. */
static struct span span_uncomment(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == ';' && (i == 0 || is_blank(s.at[i - 1])))
            return span_trim((struct span){s.at, i});
    return s;
}

static char *span_dup(struct span s)
{
    char *copy = xcalloc(s.len + 1, 1);

    if (s.len)
        memcpy(copy, s.at, s.len);
    return copy;
}

static void complain(struct parser *p, unsigned line)
{
    p->failed = line;
    text_addf(p->error, "%s:%u: ", p->name, line);
}

static void section_add(struct parser *p, struct span name)
{
    struct ini_file *f = &p->file;

    f->sections = xrealloc(f->sections, (f->count + 1) * sizeof *f->sections);
    f->sections[f->count++] = (struct ini_section){.name = span_dup(name), .line = p->line};
}

static void section_line(struct parser *p)
{
    const char *close = memchr(p->text.at, ']', p->text.len);
    const char *end = p->text.at + p->text.len;
    struct span rest;

    if (!close) {
        complain(p, p->line);
        text_add_quoted(p->error, p->text.at, p->text.len);
        text_adds(p->error, " lacks the closing bracket of [section]");
        return;
    }
    rest = span_uncomment(span_trim((struct span){close + 1, (size_t)(end - close - 1)}));
    if (rest.len) {
        complain(p, p->line);
        text_add_quoted(p->error, rest.at, rest.len);
        text_adds(p->error, " stands behind [section]; a comment begins with ;");
        return;
    }
    section_add(p, span_trim((struct span){p->text.at + 1, (size_t)(close - p->text.at - 1)}));
}

static struct span line_take(struct parser *p)
{
    const char *newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
    struct span raw = {p->next, (size_t)((newline ? newline : p->end) - p->next)};

    p->next = newline ? newline + 1 : p->end;
    p->line++;
    return raw;
}

static bool line_acceptable(struct parser *p, struct span raw, size_t room)
{
    if (raw.len && memchr(raw.at, '\0', raw.len)) {
        complain(p, p->line);
        text_adds(p->error, "there is a NUL byte in this line; a machine file is plain text");
        return false;
    }
    if (raw.len > room) {
        complain(p, p->line);
        text_addf(
            p->error,
            "the line has %zu bytes, the limit is %zu; continue a long value on the next line, "
            "indented",
            raw.len, room);
        return false;
    }
    return true;
}

/*
 * Gives inih one line. Called in place of fgets, which is how line numbers, sections without
 * entries and indentation are seen at all.
 */
static char *line_read(char *buffer, int size, void *stream)
{
    struct parser *p = stream;
    struct span raw, bare;
    size_t skip = 0;

    if (p->failed || p->next == p->end)
        return NULL;
    raw = line_take(p);
    if (!line_acceptable(p, raw, (size_t)size - 3))
        return NULL;
    p->text = span_trim(raw);
    p->continued = false;
    bare = p->text;
    if (bare.len && *bare.at != '#' && *bare.at != '[')
        bare = span_uncomment(bare);
    else if (bare.len && *bare.at == '#')
        bare.len = 0;
    else if (bare.len)
        section_line(p);
    if (p->failed)
        return NULL;
    if (bare.len && *bare.at != '[' && bare.at > raw.at && !memchr(bare.at, '=', bare.len) &&
        !memchr(bare.at, ':', bare.len)) {
        p->continued = true;
        buffer[skip++] = ' ';
    }
    if (bare.len)
        memcpy(buffer + skip, bare.at, bare.len);
    memcpy(buffer + skip + bare.len, "\n", 2);
    return buffer;
}

static void value_continue(struct ini_entry *e, const char *more)
{
    size_t len = strlen(e->value), extra = strlen(more);

    e->value = xrealloc(e->value, len + extra + 1);
    memcpy(e->value + len, more, extra + 1);
}

static int entry_add(void *user, const char *section, const char *key, const char *value)
{
    struct parser *p = user;
    struct ini_section *s = p->file.count ? &p->file.sections[p->file.count - 1] : NULL;

    if (p->failed)
        return 0;
    if (p->continued && s && s->count) {
        value_continue(&s->entries[s->count - 1], value);
        return 1;
    }
    if (!s || !*key) {
        complain(p, p->line);
        text_add_quoted(p->error, p->text.at, p->text.len);
        text_adds(p->error, s ? " has no key before the equals sign; write key = value"
                              : " stands before the first [section]");
        return 0;
    }
    s->entries = xrealloc(s->entries, (s->count + 1) * sizeof *s->entries);
    s->entries[s->count++] = (struct ini_entry){xstrdup(key), xstrdup(value), p->line};
    return 1;
}

/* inih goes on behind a line it cannot read, so its mistake may be earlier than the one we found.
 */
static void syntax_error(struct parser *p, const char *data, unsigned line, size_t error_start)
{
    struct span text = {NULL, 0};

    p->next = data;
    for (p->line = 0; p->line < line;)
        text = span_trim(line_take(p));
    p->error->len = error_start;
    complain(p, line);
    text_add_quoted(p->error, text.at, text.len);
    text_adds(p->error, " is neither [section] nor key = value");
}

int ini_file_parse(const char *name, const char *data, size_t len, struct ini_file *out,
                   struct text *error)
{
    const size_t error_start = error->len;
    struct parser p = {.name = name, .error = error};
    int rc;

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }
    p.next = data;
    p.end = data + len;
    rc = ini_parse_stream(line_read, &p, entry_add, &p);
    if (rc > 0 && (!p.failed || (unsigned)rc < p.failed))
        syntax_error(&p, data, (unsigned)rc, error_start);
    if (rc < 0 && !p.failed) {
        p.failed = 1;
        text_addf(error, "%s: the INI parser gave up with %d", name, rc);
    }
    if (p.failed) {
        ini_file_done(&p.file);
        return -EINVAL;
    }
    *out = p.file;
    return 0;
}

void ini_file_done(struct ini_file *f)
{
    for (size_t i = 0; i < f->count; i++) {
        for (size_t k = 0; k < f->sections[i].count; k++) {
            free(f->sections[i].entries[k].key);
            free(f->sections[i].entries[k].value);
        }
        free(f->sections[i].entries);
        free(f->sections[i].name);
    }
    free(f->sections);
    *f = (struct ini_file){0};
}
