/* SPDX-License-Identifier: MIT */
#include "control/json.h"
#include "control/view.h"
#include "map/map.h"

static json_t *string_or_null(const char *string)
{
    return string && *string ? control_json_string(string) : json_null();
}

static const char *adapter_state(const struct map_adapter *a, unsigned state)
{
    static const char *const names[MAP_CONDITIONS] = {[MAP_ONLINE] = "online",
                                                      [MAP_DECONFIGURED] = "standby",
                                                      [MAP_CHECKSTOPPED] = "checkstop",
                                                      [MAP_ABSENT] = "missing"};

    return names[a->state[state]];
}

static json_t *view_cell(const struct map *m, size_t cell, unsigned state)
{
    static const char *const drivers[MAP_MDEV] = {NULL, "zcrypt", "vfio_ap", NULL};
    const struct map_cell *c = &m->cells[state][cell];
    char uuid[UUID_TEXT] = "";

    if (c->owner >= MAP_MDEV)
        uuid_format(&m->owners[c->owner - MAP_MDEV].uuid, uuid);
    return json_pack("{s:b, s:s?, s:o, s:o, s:b, s:s, s:s}", "device", c->driver != MAP_NOBODY,
                     "owner", drivers[c->driver], "mdev", string_or_null(uuid), "guest",
                     string_or_null(map_guest(m, c->owner, state)), "in_use", c->in_use,
                     "adapter_state", adapter_state(&m->adapters[cell % m->columns], state),
                     "condition", map_condition_name(c->condition));
}

json_t *control_view_map(const struct map *m)
{
    json_t *queues = json_array();

    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        size_t cell = i % m->rows * m->columns + i / m->rows;
        json_t *queue = view_cell(m, cell, MAP_NOW);
        char name[AP_QN_TEXT];

        ap_qn_format(map_qn(m, cell), name);
        control_json_set(queue, "apqn", json_string(name));
        if (m->cells[MAP_BEFORE]) {
            control_json_set(queue, "changed", json_boolean(map_changed(m, cell)));
            control_json_set(queue, "before", view_cell(m, cell, MAP_BEFORE));
        }
        control_json_append(queues, queue);
    }
    return json_pack("{s:o}", "queues", queues);
}
