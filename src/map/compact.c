/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map/internal.h"

/* Only symbols, with equal neighbours merged, and the axes as it fits the terminal better. */

/* A run of consecutive ids with equal cells: indexes of columns or rows. */
struct stretch {
    unsigned first, last;
};

struct axis {
    bool adapters;
    struct stretch stretches[AP_IDS];
    unsigned count;
    unsigned widest; /* of the stretches' names */
};

struct grid {
    const struct map *map;
    char (*symbols)[MAP_CHANGE];
    struct axis across, down;
    unsigned margin, cell, step;
    unsigned per_block;
    bool upright; /* the names above the columns are written downwards */
    unsigned blocks, lines;
};

static unsigned id_of(const struct map *m, const struct axis *a, unsigned index)
{
    return a->adapters ? m->adapters[index].id : m->domains[index];
}

/* Columns, or rows. */
static bool is_equal(const struct map *m, bool columns, unsigned a, unsigned b)
{
    unsigned count = columns ? m->rows : m->columns;

    for (unsigned i = 0; i < count; i++) {
        size_t x = columns ? (size_t)i * m->columns + a : (size_t)a * m->columns + i,
               y = columns ? (size_t)i * m->columns + b : (size_t)b * m->columns + i;

        if (!map_same(m, x, y))
            return false;
    }
    return !columns || memcmp(m->adapters[a].state, m->adapters[b].state, MAP_STATES) == 0;
}

/* "04-0f", "0004"; an adapter with the sign of its condition. */
static void stretch_format(const struct map *m, const struct axis *a, const struct stretch *s,
                           char out[16])
{
    int digits = a->adapters ? 2 : 4, len;
    char mark = a->adapters ? map_mark(m->adapters[s->first].state[MAP_NOW]) : '\0';
    char sign[2] = {mark == '-' ? '\0' : mark, '\0'};

    len = snprintf(out, 16, "%0*x", digits, id_of(m, a, s->first));
    if (s->last > s->first)
        len += snprintf(out + len, 16 - (size_t)len, "-%0*x", digits, id_of(m, a, s->last));
    snprintf(out + len, 16 - (size_t)len, "%s", sign);
}

static void join(const struct map *m, bool adapters, struct axis *a)
{
    unsigned count = adapters ? m->columns : m->rows;
    char name[16];

    *a = (struct axis){.adapters = adapters};
    for (unsigned i = 0; i < count; i++) {
        if (i && id_of(m, a, i) == id_of(m, a, i - 1) + 1 && is_equal(m, adapters, i - 1, i))
            a->stretches[a->count - 1].last = i;
        else
            a->stretches[a->count++] = (struct stretch){i, i};
    }
    for (unsigned i = 0; i < a->count; i++) {
        stretch_format(m, a, &a->stretches[i], name);
        if (strlen(name) > a->widest)
            a->widest = (unsigned)strlen(name);
    }
}

/* Width of "adapter". */
#define TITLE 7u

/* Names beside each other need more room than downwards, and symbols of one character no gap. */
static void lay_out(struct grid *g, unsigned width)
{
    unsigned head = g->across.widest > g->cell ? g->across.widest : g->cell, room;

    g->margin = 2 + (g->down.widest > TITLE ? g->down.widest : TITLE);
    room = width > g->margin ? width - g->margin : 0;
    g->step = head + 1;
    g->upright = g->across.count * g->step > room + 1;
    if (g->upright)
        g->step = g->cell + 1;
    if (g->across.count * g->step > room + 1 && g->cell <= 2)
        g->step = g->cell;
    g->per_block = g->upright ? (room + g->step - g->cell) / g->step : g->across.count;
    if (!g->per_block)
        g->per_block = 1;
    g->blocks = (g->across.count + g->per_block - 1) / g->per_block;
    g->lines = g->blocks * (g->down.count + (g->upright ? 7 : 3));
}

static size_t cell_of(const struct grid *g, unsigned across, unsigned down)
{
    unsigned x = g->across.stretches[across].first, y = g->down.stretches[down].first;

    return g->across.adapters ? (size_t)y * g->map->columns + x : (size_t)x * g->map->columns + y;
}

/* Appends a column's part of a line at its place; blanks behind the last one are left out. */
struct line {
    unsigned at;
    struct text *out;
};

static void put(struct line *l, unsigned at, const char *word)
{
    if (!*word)
        return;
    text_addf(l->out, "%*s%s", (int)(at - l->at), "", word);
    l->at = at + (unsigned)strlen(word);
}

/* A line of what stands above the columns: digit 0 and 1 of the first id, a stroke, digit 0 and 1
 * of the last one, and the sign of an adapter's condition. */
enum { FIRST_0, FIRST_1, STROKE, LAST_0, LAST_1, SIGN, UPRIGHT_LINES };

static void upright_format(const struct grid *g, const struct stretch *s, unsigned which,
                           char out[2])
{
    const struct axis *a = &g->across;
    unsigned id = id_of(g->map, a, which < STROKE ? s->first : s->last);
    char sign = a->adapters ? map_mark(g->map->adapters[s->first].state[MAP_NOW]) : '\0';

    out[0] = out[1] = '\0';
    if (which == SIGN)
        out[0] = sign == '-' ? '\0' : sign;
    else if (which < STROKE || s->last > s->first)
        out[0] = which == STROKE ? '|' : "0123456789abcdef"[id >> (which % 3 ? 0 : 4) & 15];
}

static void draw_upright(const struct grid *g, unsigned from, unsigned to, struct text *out)
{
    for (unsigned which = 0; which < UPRIGHT_LINES; which++) {
        struct line line = {.out = out};
        char word[2];

        for (unsigned x = from; x < to; x++) {
            upright_format(g, &g->across.stretches[x], which, word);
            put(&line, g->margin + (x - from) * g->step, word);
        }
        text_adds(out, line.at ? "\n" : "");
    }
}

static void draw_names(const struct grid *g, unsigned from, unsigned to, struct text *out)
{
    struct line line = {.out = out};
    char name[16];

    for (unsigned x = from; x < to; x++) {
        stretch_format(g->map, &g->across, &g->across.stretches[x], name);
        put(&line, g->margin + (x - from) * g->step, name);
    }
    text_adds(out, "\n");
}

static void draw_row(const struct grid *g, unsigned y, unsigned from, unsigned to, bool colour,
                     struct text *out)
{
    char name[16];

    stretch_format(g->map, &g->down, &g->down.stretches[y], name);
    text_addf(out, "%-*s", (int)g->margin, name);
    for (unsigned x = from; x < to; x++) {
        size_t cell = cell_of(g, x, y);
        const char *symbol = g->symbols[cell];

        map_add_symbol(g->map, cell, colour, symbol, out);
        text_addf(out, "%*s", x + 1 < to ? (int)(g->step - strlen(symbol)) : 0, "");
    }
    text_adds(out, "\n");
}

static void draw_block(const struct grid *g, unsigned from, unsigned to, bool colour,
                       struct text *out)
{
    text_addf(out, "%-*s%s\n", (int)g->margin, g->down.adapters ? "adapter" : "domain",
              g->across.adapters ? "adapter (card)" : "domain");
    (g->upright ? draw_upright : draw_names)(g, from, to, out);
    for (unsigned y = 0; y < g->down.count; y++)
        draw_row(g, y, from, to, colour, out);
}

static void read_symbols(struct grid *g)
{
    size_t count = (size_t)g->map->rows * g->map->columns;

    g->symbols = xcalloc(count, sizeof(*g->symbols));
    for (size_t i = 0; i < count; i++) {
        map_change(g->map, i, g->symbols[i]);
        if (strlen(g->symbols[i]) > g->cell)
            g->cell = (unsigned)strlen(g->symbols[i]);
    }
}

/* Domains across, if that takes fewer blocks, or fits the height better. */
static void choose(struct grid *g, const struct map_paper *paper)
{
    struct grid *other = xcalloc(1, sizeof(*other));

    lay_out(g, paper->width);
    *other = *g;
    other->across = g->down;
    other->down = g->across;
    lay_out(other, paper->width);
    if (other->blocks < g->blocks ||
        (other->lines < g->lines && paper->height && g->lines > paper->height))
        *g = *other;
    free(other);
}

void map_compact(const struct map *m, const struct map_paper *paper, struct text *out)
{
    struct grid *g = xcalloc(1, sizeof(*g));

    g->map = m;
    join(m, true, &g->across);
    join(m, false, &g->down);
    read_symbols(g);
    choose(g, paper);
    for (unsigned from = 0; from < g->across.count; from += g->per_block) {
        unsigned to = from + g->per_block < g->across.count ? from + g->per_block : g->across.count;

        text_adds(out, from ? "\n" : "");
        draw_block(g, from, to, paper->colour, out);
    }
    free(g->symbols);
    free(g);
}
