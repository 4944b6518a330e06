/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_MAP_H
#define APUS_CLI_MAP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/*
 * Draws what the control command map returns: columns are adapters, rows are domains, and a cell
 * shows (card,domain) and the owner. If that exceeds width, cells show only the owner, equal
 * neighbours are merged ("04-0f"), and the remaining columns follow in further blocks. Appends to
 * out; -EPROTO if view is malformed.
 */
int map_draw(const json_t *view, unsigned width, bool colour, struct text *out);

/*
 * The same as a flat list for programs: {"queues": [{"apqn": "05.0004", "device": true, "owner":
 * "vfio_ap", "mdev": UUID or null, "guest": NAME or null, "in_use": bool, "adapter_state":
 * "online"}, ...]}. NULL if view is malformed.
 */
json_t *map_flatten(const json_t *view);

/*
 * Parses a cell of the protocol, such as "v2*". 0 or -EPROTO. kind is z, v, u or -; mdev counts
 * from 1, 0: none.
 */
struct map_cell {
    char kind;
    unsigned mdev;
    bool in_use;
};

int map_cell_parse(const char *text, struct map_cell *out);

#endif
