/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "map/internal.h"

/* For a terminal: cells with their (card,domain), the legend, and what changes. */

/* Width to the left of the cells: "domain  0004  ". */
#define MARGIN 14u

/* A legend of more devices than this has several in a line. */
#define LEGEND_LINES 12u

static void pad(struct text *out, size_t count)
{
    text_addf(out, "%*s", (int)count, "");
}

static const char *state_of(const struct map_adapter *a)
{
    switch (a->state[MAP_NOW]) {
    case MAP_DECONFIGURED:
        return "deconfigured";
    case MAP_CHECKSTOPPED:
        return "check-stopped";
    default:
        return "";
    }
}

/* "(05,0047) " and the symbol; the headings "05 CEX5C" and "check-stopped" fit, too. */
static unsigned cell_width(const struct map *m)
{
    size_t widest = 4;
    char symbol[MAP_CHANGE];

    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        map_change(m, i, symbol);
        if (strlen(symbol) > widest)
            widest = strlen(symbol);
    }
    return 10 + (unsigned)widest;
}

static void add_rule(const struct map *m, unsigned width, struct text *out)
{
    pad(out, MARGIN);
    for (unsigned c = 0; c < m->columns; c++) {
        text_adds(out, "+");
        for (unsigned i = 0; i < width + 2; i++)
            text_adds(out, "-");
    }
    text_adds(out, "+\n");
}

/* Blanks before a word, not behind the last one. */
static void add_heading(unsigned *column, unsigned at, const char *word, struct text *out)
{
    if (!*word)
        return;
    pad(out, at - *column);
    text_adds(out, word);
    *column = at + (unsigned)strlen(word);
}

static void add_headings(const struct map *m, unsigned width, struct text *out)
{
    unsigned at = 0, states = 0;

    pad(out, MARGIN + 2);
    text_adds(out, "adapter (card)\n");
    for (unsigned c = 0; c < m->columns; c++) {
        char name[16];

        snprintf(name, sizeof(name), "%02x %s", m->adapters[c].id,
                 *m->adapters[c].type ? m->adapters[c].type : "missing");
        add_heading(&at, MARGIN + 2 + c * (width + 3), name, out);
    }
    text_adds(out, "\n");
    for (unsigned c = 0; c < m->columns; c++)
        add_heading(&states, MARGIN + 2 + c * (width + 3), state_of(&m->adapters[c]), out);
    text_adds(out, states ? "\n" : "");
}

static void draw_cells(const struct map *m, unsigned width, bool colour, struct text *out)
{
    char symbol[MAP_CHANGE];

    add_headings(m, width, out);
    add_rule(m, width, out);
    for (unsigned r = 0; r < m->rows; r++) {
        text_addf(out, "%-7s %04x  ", r == 0 ? "domain" : "", m->domains[r]);
        for (unsigned c = 0; c < m->columns; c++) {
            size_t cell = r * m->columns + c;

            map_change(m, cell, symbol);
            text_addf(out, "| (%02x,%04x) ", m->adapters[c].id, m->domains[r]);
            map_add_symbol(m, cell, colour, symbol, out);
            pad(out, width - 9 - strlen(symbol));
        }
        text_adds(out, "|\n");
    }
    add_rule(m, width, out);
}

static void legend_line(const struct map *m, uint32_t owner, bool colour, struct text *out)
{
    text_auto line = {0};
    char label[MAP_SYMBOL];

    map_label(m, owner, label);
    if (colour && owner != MAP_NOBODY) {
        text_adds(out, "\033[");
        map_add_colour(owner, out);
        text_addf(out, "m%-5s\033[0m ", label);
    } else {
        text_addf(out, "%-5s ", label);
    }
    map_owner_heading(m, owner, &line);
    text_adds(&line, owner < MAP_MDEV ? ", " : ", device ");
    map_owner_details(m, owner, &line);
    map_name(line.data, 0, out);
    text_adds(out, "\n");
}

/* "1  Guest1", several in a line. */
struct entries {
    const struct map *map;
    unsigned widest, column, per_line;
    bool colour;
};

static unsigned entry_format(const struct map *m, uint32_t owner, struct text *out)
{
    unsigned state = map_queues(m, owner, MAP_NOW) || !m->cells[MAP_BEFORE] ? MAP_NOW : MAP_BEFORE;
    text_auto name = {0};
    char label[MAP_SYMBOL];

    map_label(m, owner, label);
    map_owner_name(m, owner, state, &name);
    text_addf(out, "%s ", label);
    return (unsigned)strlen(label) + 1 + map_name(name.data, 20, out);
}

static void entry_add(struct entries *e, uint32_t owner, struct text *out)
{
    text_auto entry = {0};
    unsigned width = entry_format(e->map, owner, &entry);

    if (e->colour) {
        text_adds(out, "\033[");
        map_add_colour(owner, out);
        text_adds(out, "m");
    }
    text_addf(out, "%s%s", entry.data, e->colour ? "\033[0m" : "");
    if (++e->column % e->per_line == 0)
        text_adds(out, "\n");
    else
        pad(out, e->widest + 2 - width);
}

static void legend_entries(const struct map *m, const struct map_paper *paper, struct text *out)
{
    struct entries e = {.map = m, .colour = paper->colour};

    for (uint32_t o = 0; o < m->owner_count; o++) {
        text_auto entry = {0};
        unsigned width = entry_format(m, MAP_MDEV + o, &entry);

        e.widest = width > e.widest ? width : e.widest;
    }
    e.per_line = (paper->width + 2) / (e.widest + 2);
    e.per_line = e.per_line ? e.per_line : 1;
    for (uint32_t o = 0; o < m->owner_count; o++)
        if (map_has_owner(m, MAP_MDEV + o))
            entry_add(&e, MAP_MDEV + o, out);
    if (e.column % e.per_line)
        text_adds(out, "\n");
}

/* Explains only what occurs. */
static void draw_legend(const struct map *m, const struct map_paper *paper, struct text *out)
{
    unsigned devices = 0;

    text_adds(out, "\n");
    for (uint32_t o = 0; o < MAP_MDEV; o++)
        if (map_has_owner(m, o))
            legend_line(m, o, paper->colour, out);
    for (unsigned c = 0; c < MAP_CONDITIONS; c++)
        if (map_mark(c) && map_has_condition(m, c))
            text_addf(out, "%c     %s\n", map_mark(c), map_condition_title(c));
    for (uint32_t o = 0; o < m->owner_count; o++)
        devices += map_has_owner(m, MAP_MDEV + o);
    if (devices > LEGEND_LINES)
        legend_entries(m, paper, out);
    for (uint32_t o = 0; o < m->owner_count && devices <= LEGEND_LINES; o++)
        if (map_has_owner(m, MAP_MDEV + o))
            legend_line(m, MAP_MDEV + o, paper->colour, out);
}

void map_text(const struct map *m, const struct map_paper *paper, struct text *out)
{
    unsigned width = cell_width(m);
    text_auto changes = {0};

    if (!m->columns || !m->rows) {
        text_adds(out, m->filtered ? "Nothing matches.\n"
                                   : "The LPAR has no queues, and none is assigned.\n");
    } else {
        if (paper->compact || MARGIN + m->columns * (width + 3) + 1 > paper->width)
            map_compact(m, paper, out);
        else
            draw_cells(m, width, paper->colour, out);
    }
    draw_legend(m, paper, out);
    map_changes(m, &changes);
    if (changes.len)
        text_addf(out, "\n%s", changes.data);
}
