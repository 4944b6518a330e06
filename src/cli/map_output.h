/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_MAP_OUTPUT_H
#define APUS_CLI_MAP_OUTPUT_H

#include "map/map.h"

struct map_output {
    const char *svg, *html; /* files to write, "-": standard output; both NULL: text, or --json */
    bool compact;
    struct map_page page;
};

/* Shows a map. An exit status. */
int map_output(const struct map_output *o, const struct map *map);

#endif
