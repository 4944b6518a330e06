/* SPDX-License-Identifier: MIT */
#ifndef APUS_MAP_INTERNAL_H
#define APUS_MAP_INTERNAL_H

#include "map/map.h"

/* Private to src/map. */

/* Counts the queues of each owner anew. */
void map_count(struct map *m);

/* Room for "65535/". */
#define MAP_SYMBOL 8
/* Room for two symbols, as of a queue that changes hands: "12/>13?". */
#define MAP_CHANGE 16

/* The owner alone: a letter or digit for each mediated device, or its number if there are too many;
 * "." for zcrypt. */
void map_label(const struct map *m, uint32_t owner, char out[MAP_SYMBOL]);
/* The sign of a condition; '\0': it has none. */
char map_mark(unsigned condition);
/* Owner and condition. Without a comparison, what the whole adapter has is left to its heading. */
void map_symbol(const struct map *m, size_t cell, unsigned state, char out[MAP_SYMBOL]);

/* What the map shows: the symbol, or before and after, as in "1>2", where something
 * changes. */
void map_change(const struct map *m, size_t cell, char out[MAP_CHANGE]);

/* What the legend says of an owner or a condition. */
const char *map_owner_title(uint32_t owner); /* below MAP_MDEV */
const char *map_condition_title(unsigned condition);
/* Whether it is to be explained: it occurs, or is a mediated device of a map that shows all. */
bool map_has_owner(const struct map *m, uint32_t owner);
bool map_has_condition(const struct map *m, unsigned condition);
unsigned map_queues(const struct map *m, uint32_t owner, unsigned state);

/* A guest, or a device without one: "Guest1", "9d4c0f6e". */
void map_owner_name(const struct map *m, uint32_t owner, unsigned state, struct text *out);
/* For the legend: "Guest1", and "9d4c0f6e-..., 4 queues", with what a comparison
 * finds. */
void map_owner_heading(const struct map *m, uint32_t owner, struct text *out);
void map_owner_details(const struct map *m, uint32_t owner, struct text *out);

/* map_name as text of XML or HTML. */
void map_name_xml(const char *name, unsigned max, struct text *out);

/* compact.c */
void map_compact(const struct map *m, const struct map_paper *paper, struct text *out);
/* colour.c: an owner's colour as part of an escape sequence, and a symbol in it. */
void map_add_colour(uint32_t owner, struct text *out);
void map_add_symbol(const struct map *m, size_t cell, bool colour, const char *symbol,
                    struct text *out);

/* style.c: the style sheet of a picture, and of the page around it. */
void map_style(const struct map *m, struct text *out);
extern const char map_page_style[];
/* The class of an owner's colour: "z", "m17". */
void map_class(uint32_t owner, char out[16]);

/* svg.c: one state, as an element, and its size. */
void map_svg_size(const struct map *m, unsigned *width, unsigned *height);
void map_svg_state(const struct map *m, unsigned state, struct text *out);
/* A sample of an owner, or with MAP_NOBODY of a condition, for the legend of a page. */
void map_svg_sample(const struct map *m, uint32_t owner, unsigned condition, struct text *out);
/* The patterns that pictures refer to: once in a document. */
extern const char map_patterns[];

#endif
