/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map/internal.h"

/* Pictures. Up to this many queues each is a rectangle of its own; otherwise equal neighbours are
 * one. */
#define SINGLE_MAX 4096u

#define LEFT 50u
#define TOP  44u

/* Widths of a character of 11 and of 9.5 pixels, rounded up. */
#define CHARACTER 7u
#define SMALL     6u

/* Width of the hatch in a cell with words. */
#define STRIP 12u

struct sheet {
    const struct map *map;
    unsigned state;
    bool single;
    unsigned w, h; /* of a cell */
    struct text *out;
};

/* Columns and rows, with the last one. */
struct area {
    unsigned left, right, top, bottom;
};

static unsigned clamp(unsigned n, unsigned least, unsigned most)
{
    return n < least ? least : n > most ? most : n;
}

static void sheet_init(struct sheet *s, const struct map *m, unsigned state, struct text *out)
{
    unsigned columns = clamp(m->columns, 1, AP_IDS), rows = clamp(m->rows, 1, AP_IDS);
    bool single = columns * rows <= SINGLE_MAX, compared = m->cells[MAP_BEFORE];

    *s = (struct sheet){.map = m, .state = state, .single = single, .out = out};
    s->w = clamp((compared ? 500 : 1000) / columns, single ? 17 : 4, 112);
    s->h = clamp(680 / rows, single ? 13 : 4, 44);
}

static bool is_big(const struct sheet *s)
{
    return s->w >= 64 && s->h >= 30;
}

/* Every how many ids the axis has a name, with room for it. */
static unsigned stride(unsigned step, unsigned room)
{
    unsigned n = 1;

    while (n * step < room)
        n *= 2;
    return n;
}

static void draw_column_name(const struct sheet *s, unsigned c)
{
    const struct map_adapter *a = &s->map->adapters[c];
    unsigned x = LEFT + c * s->w + s->w / 2;
    char mark[] = {a->state[s->state] == MAP_ABSENT ? '\0' : map_mark(a->state[s->state]), '\0'};

    text_addf(s->out, "<text class=\"e a\" x=\"%u\" y=\"26\">%02x</text>", x, a->id);
    if (s->w >= 8 * SMALL)
        text_addf(s->out, "<text class=\"e q s\" x=\"%u\" y=\"38\">%s%s%s</text>", x,
                  *a->type ? a->type : "missing", *mark ? " " : "", mark);
    else if (*mark)
        text_addf(s->out, "<text class=\"e a\" x=\"%u\" y=\"38\">%s</text>", x, mark);
}

static void draw_axes(const struct sheet *s)
{
    const struct map *m = s->map;
    unsigned columns = stride(s->w, 2 * CHARACTER + 3), rows = stride(s->h, 11);

    text_addf(s->out,
              "<text class=\"q\" x=\"%u\" y=\"11\">adapter (card)</text>"
              "<text class=\"q r\" x=\"%u\" y=\"38\">domain</text>\n",
              LEFT, LEFT - 6);
    for (unsigned c = 0; c < m->columns; c++)
        if (m->adapters[c].id % columns == 0)
            draw_column_name(s, c);
    for (unsigned r = 0; r < m->rows; r++)
        if (m->domains[r] % rows == 0)
            text_addf(s->out, "<text class=\"r\" x=\"%u\" y=\"%u\">%04x</text>", LEFT - 6,
                      TOP + r * s->h + (rows > 1 ? 7 : s->h / 2 + 4), m->domains[r]);
    text_adds(s->out, "\n");
}

static void add_what(const struct map *m, size_t cell, unsigned state, struct text *out)
{
    const struct map_cell *c = &m->cells[state][cell];
    text_auto name = {0};
    char uuid[UUID_TEXT];

    map_owner_name(m, c->owner, state, &name);
    map_name_xml(name.data, 0, out);
    if (c->owner >= MAP_MDEV && *map_guest(m, c->owner, state)) {
        uuid_format(&m->owners[c->owner - MAP_MDEV].uuid, uuid);
        text_addf(out, ", %s", uuid);
    } else if (c->owner >= MAP_MDEV) {
        text_adds(out, ", no guest");
    }
    if (c->condition != MAP_ONLINE && c->owner != MAP_NOBODY)
        text_addf(out, ": %s", map_condition_title(c->condition));
}

static void add_title(const struct sheet *s, const struct area *a, size_t cell)
{
    const struct map *m = s->map;

    text_adds(s->out, "<title>");
    if (a->left == a->right && a->top == a->bottom)
        text_addf(s->out, "%02x.%04x: ", m->adapters[a->left].id, m->domains[a->top]);
    else
        text_addf(s->out, "%02x-%02x.%04x-%04x: ", m->adapters[a->left].id,
                  m->adapters[a->right].id, m->domains[a->top], m->domains[a->bottom]);
    add_what(m, cell, s->state, s->out);
    if (map_changed(m, cell)) {
        text_adds(s->out, s->state == MAP_NOW ? "; before: " : "; after: ");
        add_what(m, cell, s->state == MAP_NOW ? MAP_BEFORE : MAP_NOW, s->out);
    }
    text_adds(s->out, "</title>");
}

/* Name of the queue and of its owner. */
static void add_words(const struct sheet *s, unsigned x, unsigned y, size_t cell)
{
    const struct map_cell *c = &s->map->cells[s->state][cell];
    text_auto name = {0};
    char symbol[MAP_SYMBOL], queue[AP_QN_TEXT];

    ap_qn_format(map_qn(s->map, cell), queue);
    map_symbol(s->map, cell, s->state, symbol);
    map_owner_name(s->map, c->owner, s->state, &name);
    text_addf(s->out,
              "<text class=\"s\" x=\"%u\" y=\"%u\">%s</text>"
              "<text x=\"%u\" y=\"%u\">%s ",
              x + 6, y + s->h / 2 - 5, queue, x + 6, y + s->h / 2 + 10, symbol);
    map_name_xml(name.data, (s->w - 8 - STRIP) / CHARACTER - (unsigned)strlen(symbol) - 1, s->out);
    text_adds(s->out, "</text>");
}

static void add_symbol(const struct sheet *s, unsigned x, unsigned y, unsigned w, unsigned h,
                       size_t cell)
{
    char symbol[MAP_SYMBOL];

    map_symbol(s->map, cell, s->state, symbol);
    if (s->map->cells[s->state][cell].owner != MAP_NOBODY && w >= strlen(symbol) * CHARACTER &&
        h >= 11)
        text_addf(s->out, "<text class=\"e\" x=\"%u\" y=\"%u\">%s</text>", x + w / 2, y + h / 2 + 4,
                  symbol);
}

static void add_rect(const struct sheet *s, const char *attributes, unsigned x, unsigned y,
                     unsigned w, unsigned h)
{
    text_addf(s->out, "<rect %s x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>", attributes, x, y,
              w, h);
}

/* All over a small one, and beside the words of a big one. */
static void add_hatch(const struct sheet *s, unsigned condition, unsigned x, unsigned y, unsigned w,
                      unsigned h)
{
    unsigned strip = is_big(s) && s->single ? STRIP : w;
    char fill[32];

    snprintf(fill, sizeof(fill), "fill=\"url(#p%u)\"", condition);
    add_rect(s, fill, x + w - strip, y, strip, h);
}

static void draw_area(const struct sheet *s, const struct area *a)
{
    const struct map *m = s->map;
    size_t cell = (size_t)a->top * m->columns + a->left;
    const struct map_cell *c = &m->cells[s->state][cell];
    bool changed = map_changed(m, cell);
    unsigned gap = s->single, x = LEFT + a->left * s->w, y = TOP + a->top * s->h,
             w = (a->right - a->left + 1) * s->w - gap, h = (a->bottom - a->top + 1) * s->h - gap;
    char class[16];

    map_class(c->owner, class);
    text_addf(s->out, "<g class=\"%s%s\">", class, m->cells[MAP_BEFORE] && !changed ? " k" : "");
    add_title(s, a, cell);
    add_rect(s, "class=\"p\"", x, y, w, h);
    if (c->condition != MAP_ONLINE && c->owner != MAP_NOBODY)
        add_hatch(s, c->condition, x, y, w, h);
    if (changed)
        add_rect(s, "class=\"o\"", x + 1, y + 1, w - 2, h - 2);
    if (is_big(s) && s->single)
        add_words(s, x, y, cell);
    else
        add_symbol(s, x, y, w, h, cell);
    text_adds(s->out, "</g>\n");
}

static bool follows(const struct map *m, bool column, unsigned at)
{
    return column ? m->adapters[at].id == m->adapters[at - 1].id + 1
                  : m->domains[at] == m->domains[at - 1] + 1;
}

/* Whether the part of a row is like cell, and not drawn yet. */
static bool is_like(const struct map *m, const bool *drawn, size_t cell, unsigned row,
                    const struct area *a)
{
    for (unsigned c = a->left; c <= a->right; c++)
        if (drawn[row * m->columns + c] || !map_same(m, cell, row * m->columns + c))
            return false;
    return true;
}

/* The largest area of equal neighbours to the right, and then down. */
static struct area grow(const struct map *m, const bool *drawn, size_t cell)
{
    unsigned column = (unsigned)(cell % m->columns), row = (unsigned)(cell / m->columns);
    struct area a = {column, column, row, row};

    while (a.right + 1 < m->columns && follows(m, true, a.right + 1) &&
           !drawn[row * m->columns + a.right + 1] &&
           map_same(m, cell, row * m->columns + a.right + 1))
        a.right++;
    while (a.bottom + 1 < m->rows && follows(m, false, a.bottom + 1) &&
           is_like(m, drawn, cell, a.bottom + 1, &a))
        a.bottom++;
    return a;
}

static void draw_areas(const struct sheet *s)
{
    const struct map *m = s->map;
    size_t count = (size_t)m->rows * m->columns;
    bool *drawn = xcalloc(count + 1, sizeof(*drawn));

    for (size_t i = 0; i < count; i++) {
        unsigned column = (unsigned)(i % m->columns), row = (unsigned)(i / m->columns);
        struct area a = {column, column, row, row};

        if (drawn[i])
            continue;
        if (!s->single)
            a = grow(m, drawn, i);
        draw_area(s, &a);
        for (unsigned r = a.top; r <= a.bottom; r++)
            memset(&drawn[r * m->columns + a.left], true, a.right - a.left + 1);
    }
    free(drawn);
}

void map_svg_size(const struct map *m, unsigned *width, unsigned *height)
{
    struct sheet s;

    sheet_init(&s, m, MAP_NOW, NULL);
    *width = LEFT + m->columns * s.w + 12;
    *height = TOP + m->rows * s.h + 8;
}

void map_svg_state(const struct map *m, unsigned state, struct text *out)
{
    struct sheet s;
    unsigned width, height;

    sheet_init(&s, m, state, out);
    map_svg_size(m, &width, &height);
    text_addf(out,
              "<svg class=\"map\" xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
              "viewBox=\"0 0 %u %u\" style=\"max-width:%upx;min-width:%upx\" role=\"img\" "
              "aria-label=\"%u adapters, %u domains\">\n",
              width, height, width, height, width, width * 4 / 5, m->columns, m->rows);
    draw_axes(&s);
    draw_areas(&s);
    text_adds(out, "</svg>\n");
}

const char map_patterns[] =
    "<defs>"
    "<pattern id=\"p1\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M-1 1l2-2M0 6l6-6M5 7l2-2\"/></pattern>"
    "<pattern id=\"p2\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M2 3h2M3 2v2\"/></pattern>"
    "<pattern id=\"p3\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M-1 5l2 2M0 0l6 6M5-1l2 2\"/></pattern>"
    "<pattern id=\"p4\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M0 2h6M0 4h6\"/></pattern>"
    "<pattern id=\"p5\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M3 0v6\"/></pattern>"
    "<pattern id=\"p6\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M0 3h6\"/></pattern>"
    "<pattern id=\"p7\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M0 0l6 6M6 0l-6 6\"/></pattern>"
    "<pattern id=\"p8\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
    "<path class=\"h\" d=\"M0 3h6M3 0v6\"/></pattern>"
    "</defs>";

/* Swatch with the symbol, 30 by 16. */
static void add_swatch(const struct map *m, uint32_t owner, unsigned condition, unsigned x,
                       unsigned y, struct text *out)
{
    char class[16], label[MAP_SYMBOL] = {map_mark(condition), '\0'};

    map_class(owner, class);
    if (condition == MAP_ONLINE)
        map_label(m, owner, label);
    text_addf(out,
              "<g class=\"%s\"><rect class=\"p\" x=\"%u\" y=\"%u\" width=\"30\" height=\"16\"/>",
              class, x, y);
    if (condition != MAP_ONLINE)
        text_addf(out, "<rect fill=\"url(#p%u)\" x=\"%u\" y=\"%u\" width=\"15\" height=\"16\"/>",
                  condition, x + 15, y);
    text_addf(out, "<text class=\"e\" x=\"%u\" y=\"%u\">%s</text></g>",
              x + (condition == MAP_ONLINE ? 15 : 8), y + 12, label);
}

void map_svg_sample(const struct map *m, uint32_t owner, unsigned condition, struct text *out)
{
    text_adds(out, "<svg class=\"map\" width=\"30\" height=\"16\" viewBox=\"0 0 30 16\" "
                   "aria-hidden=\"true\">");
    add_swatch(m, owner, condition, 0, 0, out);
    text_adds(out, "</svg>");
}

/* A file of its own: captions, pictures next to each other, and the legend below. */

#define CAPTION 26u
#define ENTRY   230u

struct legend {
    const struct map *map;
    unsigned columns, count, top;
    struct text *out;
};

static void legend_add(struct legend *l, uint32_t owner, unsigned condition, const char *words)
{
    unsigned x = 8 + l->count % l->columns * ENTRY, y = l->top + l->count / l->columns * 21;

    l->count++;
    add_swatch(l->map, owner, condition, x, y, l->out);
    text_addf(l->out, "<text x=\"%u\" y=\"%u\">", x + 37, y + 12);
    map_name_xml(words, (ENTRY - 45) / CHARACTER, l->out);
    text_adds(l->out, "</text>\n");
}

static void draw_legend(struct legend *l)
{
    const struct map *m = l->map;

    for (uint32_t o = 0; o < MAP_MDEV + m->owner_count; o++) {
        text_auto name = {0};
        bool gone = o >= MAP_MDEV && !m->owners[o - MAP_MDEV].in[MAP_NOW].exists;

        if (!map_has_owner(m, o))
            continue;
        map_owner_name(m, o, gone ? MAP_BEFORE : MAP_NOW, &name);
        legend_add(l, o, MAP_ONLINE, name.data);
    }
    for (unsigned c = MAP_ONLINE + 1; c < MAP_CONDITIONS; c++)
        if (map_has_condition(m, c))
            legend_add(l, MAP_NOBODY, c, map_condition_name(c));
}

static void draw_states(const struct map *m, unsigned width, struct text *out)
{
    static const char *const captions[MAP_STATES] = {"After", "Before"};

    if (!m->cells[MAP_BEFORE]) {
        map_svg_state(m, MAP_NOW, out);
        return;
    }
    for (unsigned s = 0; s < MAP_STATES; s++) {
        unsigned state = s == 0 ? MAP_BEFORE : MAP_NOW;

        text_addf(out, "<text class=\"a\" x=\"%u\" y=\"16\">%s</text>", s * width + LEFT,
                  captions[state]);
        text_addf(out, "<svg x=\"%u\" y=\"%u\">\n", s * width, CAPTION);
        map_svg_state(m, state, out);
        text_adds(out, "</svg>\n");
    }
}

void map_svg(const struct map *m, struct text *out)
{
    bool compared = m->cells[MAP_BEFORE];
    text_auto legend = {0};
    struct legend l = {.map = m, .out = &legend};
    unsigned one, width, height;

    map_svg_size(m, &one, &height);
    width = compared ? 2 * one : one;
    width = width < ENTRY * 2 ? ENTRY * 2 : width;
    l.columns = width / ENTRY;
    l.top = height + (compared ? CAPTION : 0) + 8;
    draw_legend(&l);
    height = l.top + (l.count + l.columns - 1) / l.columns * 21 + 8;
    text_addf(out,
              "<svg class=\"map\" xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
              "viewBox=\"0 0 %u %u\">\n<style>.back{fill:#fff}"
              "@media screen and (prefers-color-scheme:dark){.back{fill:#15171b}}",
              width, height, width, height);
    map_style(m, out);
    text_addf(out, "</style>%s<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n",
              map_patterns);
    draw_states(m, one, out);
    text_add(out, legend.data ? legend.data : "", legend.len);
    text_adds(out, "</svg>\n");
}
