/* SPDX-License-Identifier: MIT */
/* Sections of the machine file that differ: between two states, and when all steps of a plan are
 * done. */
#include <string.h>

#include "core/saved.h"
#include "plan/internal.h"
#include "store/setup.h"

struct plan_section plan_section_at(const char *at)
{
    struct plan_section s = {.at = at, .name = strcspn(at, "\n")};
    const char *next = strstr(at, "\n[");

    s.len = next ? (size_t)(next + 1 - at) : strlen(at);
    return s;
}

bool plan_section_is(const struct plan_section *a, const struct plan_section *b)
{
    return a->name == b->name && memcmp(a->at, b->at, a->name) == 0;
}

static struct plan_section section_find(const char *file, const struct plan_section *like)
{
    for (struct plan_section s = plan_section_at(file); s.len; s = plan_section_at(s.at + s.len))
        if (plan_section_is(&s, like))
            return s;
    return (struct plan_section){0};
}

/* Hardware is compared before, masks, and a mediated device or a guest by what it has. */
static bool is_rest(const struct plan_section *s)
{
    static const char *const kinds[] = {"[card", "[queue", "[node", "[fault"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(s->at, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

bool plan_section_same(const struct plan_section *a, const struct plan_section *b)
{
    /* An empty line ends all sections but the last. */
    size_t x = a->len, y = b->len;

    while (x && a->at[x - 1] == '\n')
        x--;
    while (y && b->at[y - 1] == '\n')
        y--;
    return x == y && memcmp(a->at, b->at, x) == 0;
}

/* Adds the names of sections of one file that the other lacks, or, unless only missing ones are
 * wanted, has otherwise. */
static void compare(const char *file, const char *other, bool missing, struct text *out)
{
    for (struct plan_section s = plan_section_at(file); s.len; s = plan_section_at(s.at + s.len)) {
        struct plan_section its = section_find(other, &s);

        if (!is_rest(&s) || (its.len && (missing || plan_section_same(&s, &its))))
            continue;
        text_adds(out, out->len ? ", " : "");
        text_add(out, s.at, s.name);
    }
}

static void add(struct text *out, bool differs, const char *what)
{
    if (differs)
        text_addf(out, "%s%s", out->len ? ", " : "", what);
}

/* What counts when Linux starts, and what it chooses then. */
static void compare_start(const struct core *end, const struct core *to, struct text *out)
{
    struct saved a, b;

    saved_get(end, &(struct change){.kind = STATE_MACHINE}, &a);
    saved_get(to, &(struct change){.kind = STATE_MACHINE}, &b);
    add(out, !mask256_equal(&a.machine->apmask, &b.machine->apmask),
        "ap.apmask of the kernel's command line");
    add(out, !mask256_equal(&a.machine->aqmask, &b.machine->aqmask),
        "ap.aqmask of the kernel's command line");
    if (!saved_get(end, &(struct change){.kind = STATE_BUS}, &a) ||
        !saved_get(to, &(struct change){.kind = STATE_BUS}, &b))
        return;
    add(out, a.bus.domain != b.bus.domain, "the default domain, which Linux chooses");
    saved_done(&a);
    saved_done(&b);
}

void plan_rest(const struct core *end, const struct core *to, struct text *out)
{
    text_auto got = {0}, wanted = {0};

    compare_start(end, to, out);

    setup_format(end, &got);
    setup_format(to, &wanted);
    compare(wanted.data, got.data, false, out);
    compare(got.data, wanted.data, true, out);
}

static void add_line(const struct plan_section *s, const char *what, struct text *out)
{
    text_addf(out, "%.*s %s\n", (int)s->name, s->at, what);
}

void plan_differences(const struct core *before, const struct core *after, struct text *out)
{
    text_auto old = {0}, new = {0};

    setup_format(before, &old);
    setup_format(after, &new);
    for (struct plan_section s = plan_section_at(old.data); s.len;
         s = plan_section_at(s.at + s.len)) {
        struct plan_section its = section_find(new.data, &s);

        if (!its.len)
            add_line(&s, "is gone", out);
        else if (!plan_section_same(&s, &its))
            add_line(&s, "differs", out);
    }
    for (struct plan_section s = plan_section_at(new.data); s.len;
         s = plan_section_at(s.at + s.len))
        if (!section_find(old.data, &s).len)
            add_line(&s, "is new", out);
}
