/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_MAP_INTERNAL_H
#define APUS_CLI_MAP_INTERNAL_H

#include "base/apqn.h"
#include "cli/map.h"

/* Room for "65535z*~". */
#define MAP_SYMBOL 16

/* A parsed map: cells row by row, and their symbols. adapters and mdevs belong to the caller. */
struct map {
    const json_t *adapters, *mdevs;
    unsigned columns, rows;
    unsigned apid[AP_IDS], apqi[AP_IDS];
    struct map_cell *cells;
    char (*symbols)[MAP_SYMBOL];
};

int map_load(const json_t *view, struct map *out);
void map_done(struct map *map);

#endif
