/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_MAP_H
#define APUS_CLI_MAP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/*
 * Draws what the control command map returns: columns are adapters, rows are domains, and a cell
 * is (card,domain) with its owner. If the columns are too many for width, cells shrink to the
 * owner's symbol, neighbours that are alike are joined ("04-0f"), and what still does not fit
 * follows below in another block. Appends to out; -EPROTO if view has another shape.
 */
int map_draw(const json_t *view, unsigned width, bool colour, struct text *out);

/*
 * The same as a flat list for programs: {"queues": [{"apqn": "05.0004", "device": true, "owner":
 * "vfio_ap", "mdev": UUID or null, "guest": NAME or null, "in_use": bool, "adapter_state":
 * "online"}, ...]}. NULL if view has another shape.
 */
json_t *map_flatten(const json_t *view);

/*
 * One cell of the protocol, "v2*" and the like. 0 or -EPROTO. kind is z, v, u or -; mdev counts
 * from 1, 0 is none.
 */
struct map_cell {
    char kind;
    unsigned mdev;
    bool in_use;
};

int map_cell_parse(const char *text, struct map_cell *out);

#endif
