/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/field.h"
#include "cli/map_internal.h"

/* Left of the cells: "domain 0004-000f ". */
#define MARGIN 17u

/* A run of neighbouring ids that look alike. */
struct span {
    unsigned first, last; /* indexes into map->apid or map->apqi */
};

struct drawing {
    const struct map *map;
    bool colour;
    struct span columns[AP_IDS], rows[AP_IDS];
    unsigned column_count, row_count;
    unsigned cell; /* width of a cell */
    struct text *out;
};

static const char *symbol(const struct map *map, unsigned r, unsigned c)
{
    return map->symbols[r * map->columns + c];
}

static void pad(struct text *out, unsigned from, unsigned to)
{
    for (; from < to; from++)
        text_adds(out, " ");
}

static const char *colour_of(const struct drawing *d, const struct map_cell *cell)
{
    if (!d->colour)
        return "";
    if (cell->in_use)
        return "\033[1;32m";
    if (cell->mdev)
        return "\033[32m";
    switch (cell->kind) {
    case 'z':
        return "\033[34m";
    case 'v':
        return "\033[33m";
    case 'u':
        return "\033[31m";
    default:
        return "";
    }
}

static void add_symbol(struct drawing *d, unsigned r, unsigned c)
{
    const char *colour = colour_of(d, &d->map->cells[r * d->map->columns + c]);

    text_addf(d->out, "%s%s%s", colour, symbol(d->map, r, c), *colour ? "\033[0m" : "");
}

/* Full drawing: each cell with its (card,domain). */

static const char *type_of(const struct map *map, unsigned c)
{
    const char *type = field_string(json_array_get(map->adapters, c), "type", "");

    return *type ? type : "missing";
}

static const char *state_of(const struct map *map, unsigned c)
{
    const char *state = field_string(json_array_get(map->adapters, c), "state", "");

    return strcmp(state, "standby") == 0 || strcmp(state, "checkstop") == 0 ? state : "";
}

static unsigned full_cell(const struct map *map)
{
    unsigned widest = 0;

    for (unsigned i = 0; i < map->rows * map->columns; i++)
        if (strlen(map->symbols[i]) > widest)
            widest = (unsigned)strlen(map->symbols[i]);
    /* "(05,0047) " and the symbol; the heading "05 CEX5C" needs 10, "checkstop" fits below it. */
    return 10 + (widest < 1 ? 1 : widest);
}

static void full_rule(struct drawing *d)
{
    pad(d->out, 0, MARGIN - 3);
    for (unsigned c = 0; c < d->map->columns; c++) {
        text_adds(d->out, "+");
        for (unsigned i = 0; i < d->cell + 2; i++)
            text_adds(d->out, "-");
    }
    text_adds(d->out, "+\n");
}

static void full_heading(struct drawing *d)
{
    const struct map *map = d->map;
    unsigned states = 0; /* columns up to the last one that says something */

    pad(d->out, 0, MARGIN - 1);
    text_adds(d->out, "adapter (card)\n");
    pad(d->out, 0, MARGIN - 1);
    for (unsigned c = 0; c < map->columns; c++) {
        text_addf(d->out, "%02x %-*s", map->apid[c], c + 1 < map->columns ? (int)d->cell : 0,
                  type_of(map, c));
        if (*state_of(map, c))
            states = c + 1;
    }
    text_adds(d->out, "\n");
    if (!states)
        return;
    pad(d->out, 0, MARGIN - 1);
    for (unsigned c = 0; c < states; c++)
        text_addf(d->out, "%-*s", c + 1 < states ? (int)d->cell + 3 : 0, state_of(map, c));
    text_adds(d->out, "\n");
}

static void draw_full(struct drawing *d)
{
    const struct map *map = d->map;

    full_heading(d);
    full_rule(d);
    for (unsigned r = 0; r < map->rows; r++) {
        text_addf(d->out, "%-7s %04x  ", r == 0 ? "domain" : "", map->apqi[r]);
        for (unsigned c = 0; c < map->columns; c++) {
            text_addf(d->out, "| (%02x,%04x) ", map->apid[c], map->apqi[r]);
            add_symbol(d, r, c);
            pad(d->out, (unsigned)strlen(symbol(map, r, c)), d->cell - 9);
        }
        text_adds(d->out, "|\n");
    }
    full_rule(d);
}

/* Short drawing: symbols alone, neighbours joined. */

static bool same_column(const struct map *map, unsigned a, unsigned b)
{
    for (unsigned r = 0; r < map->rows; r++)
        if (strcmp(symbol(map, r, a), symbol(map, r, b)) != 0)
            return false;
    return true;
}

static bool same_row(const struct map *map, unsigned a, unsigned b)
{
    for (unsigned c = 0; c < map->columns; c++)
        if (strcmp(symbol(map, a, c), symbol(map, b, c)) != 0)
            return false;
    return true;
}

static unsigned join(const struct map *map, const unsigned *ids, unsigned count,
                     bool (*same)(const struct map *map, unsigned a, unsigned b),
                     struct span spans[AP_IDS])
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        if (n && ids[i] == ids[i - 1] + 1 && same(map, i - 1, i))
            spans[n - 1].last = i;
        else
            spans[n++] = (struct span){i, i};
    }
    return n;
}

static void span_format(const struct span *s, const unsigned *ids, int digits, char out[16])
{
    if (s->first == s->last)
        snprintf(out, 16, "%0*x", digits, ids[s->first]);
    else
        snprintf(out, 16, "%0*x-%0*x", digits, ids[s->first], digits, ids[s->last]);
}

static unsigned short_cell(const struct drawing *d)
{
    unsigned widest = 2;
    char head[16];

    for (unsigned i = 0; i < d->map->rows * d->map->columns; i++)
        if (strlen(d->map->symbols[i]) > widest)
            widest = (unsigned)strlen(d->map->symbols[i]);
    for (unsigned c = 0; c < d->column_count; c++) {
        span_format(&d->columns[c], d->map->apid, 2, head);
        if (strlen(head) > widest)
            widest = (unsigned)strlen(head);
    }
    return widest;
}

static void draw_block(struct drawing *d, unsigned from, unsigned to)
{
    char head[16];

    pad(d->out, 0, MARGIN);
    text_adds(d->out, "adapter (card)\n");
    pad(d->out, 0, MARGIN);
    for (unsigned c = from; c < to; c++) {
        span_format(&d->columns[c], d->map->apid, 2, head);
        text_addf(d->out, "%s", head);
        pad(d->out, (unsigned)strlen(head), c + 1 < to ? d->cell + 1 : 0);
    }
    text_adds(d->out, "\n");
    for (unsigned r = 0; r < d->row_count; r++) {
        span_format(&d->rows[r], d->map->apqi, 4, head);
        text_addf(d->out, "%-6s %-9s ", r == 0 ? "domain" : "", head);
        for (unsigned c = from; c < to; c++) {
            unsigned row = d->rows[r].first, column = d->columns[c].first;

            add_symbol(d, row, column);
            pad(d->out, (unsigned)strlen(symbol(d->map, row, column)),
                c + 1 < to ? d->cell + 1 : 0);
        }
        text_adds(d->out, "\n");
    }
}

static void draw_short(struct drawing *d, unsigned width)
{
    const struct map *map = d->map;
    unsigned per_block;

    d->column_count = join(map, map->apid, map->columns, same_column, d->columns);
    d->row_count = join(map, map->apqi, map->rows, same_row, d->rows);
    d->cell = short_cell(d);
    per_block = width > MARGIN + d->cell ? (width - MARGIN + 1) / (d->cell + 1) : 1;
    for (unsigned from = 0; from < d->column_count; from += per_block) {
        unsigned to = from + per_block < d->column_count ? from + per_block : d->column_count;

        if (from)
            text_adds(d->out, "\n");
        draw_block(d, from, to);
    }
}

/* Only what occurs is explained. */
static void draw_legend(struct drawing *d)
{
    static const struct {
        char what;
        const char *text;
    } kinds[] = {{'z', "zcrypt"},
                 {'v', "vfio_ap, assigned to no mediated device"},
                 {'u', "no driver"},
                 {'-', "no such queue"},
                 {'*', "in use: a guest can use it now"},
                 {'~', "its adapter is in standby"},
                 {'!', "its adapter is check-stopped"}};
    const json_t *mdev;
    size_t number;

    text_adds(d->out, "\n");
    for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        bool occurs = false;

        for (unsigned i = 0; i < d->map->rows * d->map->columns && !occurs; i++)
            occurs = strchr(d->map->symbols[i], kinds[k].what) != NULL;
        if (occurs)
            text_addf(d->out, "%-5c %s\n", kinds[k].what, kinds[k].text);
    }
    json_array_foreach (d->map->mdevs, number, mdev) {
        const char *guest = field_string(mdev, "guest", NULL);

        text_addf(d->out, "%-5zu mediated device %s%s%s\n", number + 1,
                  field_string(mdev, "uuid", "?"), guest ? ", guest " : "", guest ? guest : "");
    }
}

int map_draw(const json_t *view, unsigned width, bool colour, struct text *out)
{
    struct drawing *d = xcalloc(1, sizeof(*d));
    struct map map;
    int rc = map_load(view, &map);

    if (rc == 0) {
        *d = (struct drawing){.map = &map, .colour = colour, .out = out, .cell = full_cell(&map)};
        if (!map.columns || !map.rows)
            text_adds(out, "The LPAR has no queues, and none are assigned.\n");
        else if (MARGIN + map.columns * (d->cell + 3) <= width)
            draw_full(d);
        else
            draw_short(d, width);
        draw_legend(d);
        map_done(&map);
    }
    free(d);
    return rc;
}
