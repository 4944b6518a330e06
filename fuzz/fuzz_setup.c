/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a machine file with all sections give either a core whose own file makes the same
 * core again, or a one-line error that begins with the file's name and a line number. Whatever its
 * guests are called, a map of it has nothing that a terminal or a browser would take for more than
 * text.
 */
#include <stdio.h>
#include <string.h>

#include "map/map.h"
#include "store/setup.h"

#include "fuzz.h"

static struct core *make(const char *data, size_t len, struct text *why)
{
    struct effects fx = {0};
    setup_auto setup = {0};
    struct core *core = NULL;

    if (setup_parse("fuzz", data, len, &setup, why) == 0)
        setup_core(&setup, &core, &fx, why);
    effects_done(&fx);
    return core;
}

static void check_error(const struct text *error)
{
    unsigned line = 0;
    char colon = 0;

    fuzz_check(error->data && sscanf(error->data, "fuzz:%u%c", &line, &colon) == 2 && line);
    fuzz_check(colon == ':' && !strchr(error->data, '\n'));
}

static void check_plain(const struct text *drawn)
{
    for (size_t i = 0; i < drawn->len; i++)
        fuzz_check((unsigned char)drawn->data[i] >= ' ' || drawn->data[i] == '\n');
}

static void check_map(const struct core *core)
{
    text_auto drawn = {0}, page = {0};
    map_auto map = {0};

    map_read(NULL, core, &map);
    map_text(&map, &(struct map_paper){.width = 80}, &drawn);
    check_plain(&drawn);
    map_html(&map, &(struct map_page){.title = "fuzz"}, &page);
    check_plain(&page);
    fuzz_check(!strstr(page.data, "<script"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    text_auto error = {0}, file = {0}, again = {0};
    struct core *core = make((const char *)data, len, &error);

    if (!core) {
        check_error(&error);
        return 0;
    }
    setup_format(core, &file);
    core_free(core);
    core = make(file.data, file.len, &error);
    fuzz_check(core != NULL);
    setup_format(core, &again);
    check_map(core);
    core_free(core);
    fuzz_check(strcmp(file.data, again.data) == 0);
    return 0;
}
