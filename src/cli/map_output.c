/* SPDX-License-Identifier: MIT */
#include "cli/map_output.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/output.h"
#include "control/json.h"

static unsigned from_environment(const char *name, unsigned fallback)
{
    const char *value = getenv(name);

    return value && atoi(value) > 0 ? (unsigned)atoi(value) : fallback;
}

static struct map_paper paper_of(bool compact)
{
    struct map_paper paper = {.width = from_environment("COLUMNS", 80),
                              .height = from_environment("LINES", 0),
                              .colour = cli_color(),
                              .compact = compact};
    struct winsize size;

    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) {
        paper.width = size.ws_col;
        paper.height = size.ws_row;
    }
    return paper;
}

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

static json_t *cell_json(const struct map *m, size_t cell, unsigned state)
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

static void print_json(const struct map *m)
{
    json_t *queues = json_array(), *view = json_pack("{s:o}", "queues", queues);

    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        size_t cell = i % m->rows * m->columns + i / m->rows;
        json_t *queue = cell_json(m, cell, MAP_NOW);
        char name[AP_QN_TEXT];

        ap_qn_format(map_qn(m, cell), name);
        json_object_set_new(queue, "apqn", json_string(name));
        if (m->cells[MAP_BEFORE]) {
            json_object_set_new(queue, "changed", json_boolean(map_changed(m, cell)));
            json_object_set_new(queue, "before", cell_json(m, cell, MAP_BEFORE));
        }
        json_array_append_new(queues, queue);
    }
    ask_print(view);
    json_decref(view);
}

static void print_text(const struct map_output *o, const struct map *m)
{
    struct map_paper paper = paper_of(o->compact);
    text_auto picture = {0};

    map_text(m, &paper, &picture);
    fwrite(picture.data, 1, picture.len, stdout);
}

int map_output(const struct map_output *o, const struct map *map)
{
    text_auto svg = {0}, html = {0};
    int status = 0;

    if (o->svg) {
        map_svg(map, &svg);
        status = output_write(o->svg, &svg);
    }
    if (o->html && status == 0) {
        map_html(map, &o->page, &html);
        status = output_write(o->html, &html);
    }
    if (o->svg || o->html)
        return status;
    if (cli_json())
        print_json(map);
    else
        print_text(o, map);
    return 0;
}
