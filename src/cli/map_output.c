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
#include "control/view.h"

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

static void print_json(const struct map *m)
{
    json_t *view = control_view_map(m);

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
