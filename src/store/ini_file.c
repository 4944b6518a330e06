/* SPDX-License-Identifier: MIT */
#include "store/ini_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

struct parser {
    const char *name;
    const char *next, *end; /* the unread rest of the file */
    struct slice text;      /* the current line, trimmed */
    unsigned line;
    struct ini_file file;
    struct ini_entry *last; /* last entry of the current section; NULL: none yet */
    struct text value;      /* the value of last, which points into it */
    struct text *error;
    bool failed;
};

#define BLANKS " \t\r\v\f"

static bool is_blank(char c)
{
    return c && strchr(BLANKS, c);
}

static struct slice trim(struct slice s)
{
    return slice_trim(s, BLANKS);
}

/* A semicolon begins a comment if it follows a blank or begins the text. */
static struct slice uncomment(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == ';' && (i == 0 || is_blank(s.at[i - 1])))
            return trim((struct slice){s.at, i});
    return s;
}

static char *copy_of(struct slice s)
{
    char *copy = xcalloc(s.len + 1, 1);

    if (s.len)
        memcpy(copy, s.at, s.len);
    return copy;
}

static void complain(struct parser *p)
{
    p->failed = true;
    text_addf(p->error, "%s:%u: ", p->name, p->line);
}

static void section_add(struct parser *p, struct slice name)
{
    struct ini_file *f = &p->file;

    f->sections = xrealloc(f->sections, (f->count + 1) * sizeof *f->sections);
    f->sections[f->count++] = (struct ini_section){.name = copy_of(name), .line = p->line};
    p->last = NULL;
}

static void syntax_error(struct parser *p)
{
    complain(p);
    text_add_quoted(p->error, p->text.at, p->text.len);
    text_adds(p->error, " is neither [section] nor key = value");
}

/* A comment that begins inside the brackets hides the closing one. */
static bool has_comment(struct slice name)
{
    for (size_t i = 1; i < name.len; i++)
        if (name.at[i] == ';' && is_blank(name.at[i - 1]))
            return true;
    return false;
}

static void section_line(struct parser *p)
{
    const char *close = memchr(p->text.at, ']', p->text.len);
    const char *end = p->text.at + p->text.len;
    struct slice name, rest;

    if (!close) {
        complain(p);
        text_add_quoted(p->error, p->text.at, p->text.len);
        text_adds(p->error, " has no closing bracket; write [section]");
        return;
    }
    rest = uncomment(trim((struct slice){close + 1, (size_t)(end - close - 1)}));
    if (rest.len) {
        complain(p);
        text_add_quoted(p->error, rest.at, rest.len);
        text_adds(p->error, " follows [section] on the same line; a comment begins with ;");
        return;
    }
    name = (struct slice){p->text.at + 1, (size_t)(close - p->text.at - 1)};
    if (has_comment(name))
        syntax_error(p);
    else
        section_add(p, trim(name));
}

static struct slice line_take(struct parser *p)
{
    const char *newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
    struct slice raw = {p->next, (size_t)((newline ? newline : p->end) - p->next)};

    p->next = newline ? newline + 1 : p->end;
    p->line++;
    return raw;
}

static bool line_acceptable(struct parser *p, struct slice raw)
{
    if (raw.len && memchr(raw.at, '\0', raw.len)) {
        complain(p);
        text_adds(p->error, "the line contains a NUL byte; such files are plain text");
        return false;
    }
    if (raw.len > INI_LINE_MAX) {
        complain(p);
        text_addf(
            p->error,
            "the line has %zu bytes, the limit is %u; continue a long value on the next line, "
            "indented",
            raw.len, INI_LINE_MAX);
        return false;
    }
    return true;
}

static void value_add(struct parser *p, struct slice more)
{
    text_add(&p->value, more.at, more.len);
    p->last->value = p->value.data;
}

static void entry_add(struct parser *p, struct slice key, struct slice value)
{
    struct ini_section *s = p->file.count ? &p->file.sections[p->file.count - 1] : NULL;

    if (!s || !key.len) {
        complain(p);
        text_add_quoted(p->error, p->text.at, p->text.len);
        text_adds(p->error, s ? " has no key before the equals sign; write key = value"
                              : " comes before the first [section]");
        return;
    }
    s->entries = xrealloc(s->entries, (s->count + 1) * sizeof *s->entries);
    s->entries[s->count] = (struct ini_entry){.key = copy_of(key), .line = p->line};
    p->last = &s->entries[s->count++];
    p->value = (struct text){0};
    value_add(p, value);
}

static void line_parse(struct parser *p, bool indented)
{
    struct slice bare = uncomment(p->text);
    size_t key = 0;

    if (!bare.len || *bare.at == '#')
        return;
    if (*bare.at == '[') {
        section_line(p);
        return;
    }
    while (key < bare.len && bare.at[key] != '=' && bare.at[key] != ':')
        key++;
    if (key < bare.len)
        entry_add(p, trim((struct slice){bare.at, key}),
                  trim((struct slice){bare.at + key + 1, bare.len - key - 1}));
    else if (indented && p->last)
        value_add(p, bare);
    else
        syntax_error(p);
}

int ini_file_parse(const char *name, const char *data, size_t len, struct ini_file *out,
                   struct text *error)
{
    struct parser p = {.name = name, .error = error};

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }
    p.next = data;
    p.end = data + len;
    while (!p.failed && p.next < p.end) {
        struct slice raw = line_take(&p);

        p.text = trim(raw);
        if (line_acceptable(&p, raw))
            line_parse(&p, p.text.at > raw.at);
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
