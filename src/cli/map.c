/* SPDX-License-Identifier: MIT */
#include "cli/map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/apqn.h"
#include "cli/field.h"
#include "cli/map_internal.h"

int map_cell_parse(const char *text, struct map_cell *out)
{
    struct map_cell cell = {.kind = text[0]};
    const char *at = text + 1;

    if (!text[0] || !strchr("zvu-", text[0]))
        return -EPROTO;
    for (; *at >= '0' && *at <= '9' && cell.mdev < AP_APQNS; at++)
        cell.mdev = cell.mdev * 10 + (unsigned)(*at - '0');
    cell.in_use = *at == '*';
    if (strcmp(at, cell.in_use ? "*" : "") != 0)
        return -EPROTO;
    *out = cell;
    return 0;
}

static const char *adapter_state(const json_t *adapter)
{
    return field_string(adapter, "state", "missing");
}

static char state_mark(const char *state)
{
    if (strcmp(state, "standby") == 0)
        return '~';
    return strcmp(state, "checkstop") == 0 ? '!' : '\0';
}

/* "1*", "v~": the owner of the queue, whether a guest can use it, and the adapter's state. */
static void symbol_format(const struct map_cell *cell, const char *state, char out[MAP_SYMBOL])
{
    char mark[2] = {cell->kind == '-' ? '\0' : state_mark(state), '\0'};
    char odd[2] = {cell->kind == 'v' ? '\0' : cell->kind, '\0'};

    if (cell->mdev)
        snprintf(out, MAP_SYMBOL, "%u%s%s%s", cell->mdev, odd, cell->in_use ? "*" : "", mark);
    else
        snprintf(out, MAP_SYMBOL, "%c%s", cell->kind, mark);
}

static int load_row(const json_t *row, struct map *map, unsigned r)
{
    if (json_array_size(row) != map->columns)
        return -EPROTO;
    for (unsigned c = 0; c < map->columns; c++) {
        const char *text = json_string_value(json_array_get(row, c));
        struct map_cell *cell = &map->cells[r * map->columns + c];

        if (!text || map_cell_parse(text, cell) < 0 || cell->mdev > json_array_size(map->mdevs))
            return -EPROTO;
        symbol_format(cell, adapter_state(json_array_get(map->adapters, c)),
                      map->symbols[r * map->columns + c]);
    }
    return 0;
}

static int id_of(const json_t *number, unsigned *out)
{
    json_int_t n = json_integer_value(number);

    if (!json_is_integer(number) || n < 0 || n >= (json_int_t)AP_IDS)
        return -EPROTO;
    *out = (unsigned)n;
    return 0;
}

static int load_ids(const json_t *domains, struct map *map)
{
    for (unsigned c = 0; c < map->columns; c++)
        if (id_of(json_object_get(json_array_get(map->adapters, c), "id"), &map->apid[c]) < 0)
            return -EPROTO;
    for (unsigned r = 0; r < map->rows; r++)
        if (id_of(json_array_get(domains, r), &map->apqi[r]) < 0)
            return -EPROTO;
    return 0;
}

int map_load(const json_t *view, struct map *out)
{
    const json_t *domains = json_object_get(view, "domains"), *rows = json_object_get(view, "rows");
    struct map map = {.adapters = json_object_get(view, "adapters"),
                      .mdevs = json_object_get(view, "mdevs"),
                      .rows = (unsigned)json_array_size(domains)};
    int rc = 0;

    map.columns = (unsigned)json_array_size(map.adapters);
    if (map.columns > AP_IDS || map.rows > AP_IDS || json_array_size(rows) != map.rows)
        return -EPROTO;
    if (load_ids(domains, &map) < 0)
        return -EPROTO;
    map.cells = xcalloc((size_t)map.rows * map.columns, sizeof(*map.cells));
    map.symbols = xcalloc((size_t)map.rows * map.columns, sizeof(*map.symbols));
    for (unsigned r = 0; r < map.rows && rc == 0; r++)
        rc = load_row(json_array_get(rows, r), &map, r);
    if (rc < 0)
        map_done(&map);
    else
        *out = map;
    return rc;
}

void map_done(struct map *map)
{
    free(map->cells);
    free(map->symbols);
    *map = (struct map){0};
}

static const char *owner_name(char kind)
{
    switch (kind) {
    case 'z':
        return "zcrypt";
    case 'v':
        return "vfio_ap";
    default:
        return NULL;
    }
}

static json_t *flatten_cell(const struct map *map, unsigned r, unsigned c)
{
    const struct map_cell *cell = &map->cells[r * map->columns + c];
    const json_t *mdev = cell->mdev ? json_array_get(map->mdevs, cell->mdev - 1) : NULL;
    char name[AP_QN_TEXT];

    ap_qn_format(AP_QN(map->apid[c], map->apqi[r]), name);
    return json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:b, s:s}", "apqn", name, "device",
                     cell->kind != '-', "owner", owner_name(cell->kind), "mdev",
                     field_string(mdev, "uuid", NULL), "guest", field_string(mdev, "guest", NULL),
                     "in_use", cell->in_use, "adapter_state",
                     adapter_state(json_array_get(map->adapters, c)));
}

json_t *map_flatten(const json_t *view)
{
    json_t *queues;
    struct map map;

    if (map_load(view, &map) < 0)
        return NULL;
    queues = json_array();
    for (unsigned c = 0; c < map.columns; c++)
        for (unsigned r = 0; r < map.rows; r++)
            json_array_append_new(queues, flatten_cell(&map, r, c));
    map_done(&map);
    return json_pack("{s:o}", "queues", queues);
}
