/* SPDX-License-Identifier: MIT */
/* The drawing of `apus map`, and its list for programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/map.h"

#include "unit.h"

static const char small[] =
    "{\"adapters\":[{\"id\":4,\"type\":\"CEX5C\",\"state\":\"online\"},"
    "{\"id\":10,\"type\":\"CEX5A\",\"state\":\"standby\"},{\"id\":14,\"type\":\"\",\"state\":"
    "\"missing\"}],\"domains\":[4,71],\"mdevs\":[{\"uuid\":\"9d4c0f6e-0000-4000-8000-"
    "000000000001\",\"guest\":\"Guest1\"}],\"rows\":[[\"z\",\"v1*\",\"-1\"],[\"u\",\"v\",\"-\"]]}";

static json_t *load(const char *text)
{
    json_t *view = json_loads(text, 0, NULL);

    assert_non_null(view);
    return view;
}

static void test_full_drawing(void **state)
{
    json_t *view = load(small);
    text_auto out = {0};

    assert_int_equal(map_draw(view, 80, false, &out), 0);
    assert_string_equal(
        out.data, "                adapter (card)\n"
                  "                04 CEX5C        0a CEX5A        0e missing\n"
                  "                                standby\n"
                  "              +---------------+---------------+---------------+\n"
                  "domain  0004  | (04,0004) z   | (0a,0004) 1*~ | (0e,0004) 1-  |\n"
                  "        0047  | (04,0047) u   | (0a,0047) v~  | (0e,0047) -   |\n"
                  "              +---------------+---------------+---------------+\n"
                  "\n"
                  "z     zcrypt\n"
                  "v     vfio_ap, assigned to no mediated device\n"
                  "u     no driver\n"
                  "-     no such queue\n"
                  "*     in use: a guest can use it now\n"
                  "~     its adapter is in standby\n"
                  "1     mediated device 9d4c0f6e-0000-4000-8000-000000000001, guest Guest1\n");
    json_decref(view);
}

static void test_short_drawing(void **state)
{
    json_t *view = load(small);
    text_auto out = {0};

    assert_int_equal(map_draw(view, 40, false, &out), 0);
    assert_memory_equal(out.data,
                        "                 adapter (card)\n"
                        "                 04  0a  0e\n"
                        "domain 0004      z   1*~ 1-\n"
                        "       0047      u   v~  -\n"
                        "\n",
                        31 + 1 + 27 + 1 + 27 + 1 + 26 + 2);
    json_decref(view);
}

/* 256 x 256 queues; cell returns the text of each. */
static json_t *wide(const char *(*cell)(unsigned apid, unsigned apqi))
{
    json_t *adapters = json_array(), *domains = json_array(), *rows = json_array();
    json_t *mdevs = load("[{\"uuid\":\"u\",\"guest\":null}]");

    for (int id = 0; id < 256; id++) {
        json_t *row = json_array();

        for (unsigned apid = 0; apid < 256; apid++)
            json_array_append_new(row, json_string(cell(apid, (unsigned)id)));
        json_array_append_new(
            adapters, json_pack("{s:i, s:s, s:s}", "id", id, "type", "CEX8C", "state", "online"));
        json_array_append_new(domains, json_integer(id));
        json_array_append_new(rows, row);
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "adapters", adapters, "domains", domains, "mdevs",
                     mdevs, "rows", rows);
}

static const char *quarters(unsigned apid, unsigned apqi)
{
    return apid < 16 && apqi >= 128 ? "v1" : "z";
}

static const char *board(unsigned apid, unsigned apqi)
{
    return (apid + apqi) % 2 ? "z" : "v";
}

static void test_neighbours_are_joined(void **state)
{
    json_t *view = wide(quarters);
    text_auto out = {0};

    assert_int_equal(map_draw(view, 80, false, &out), 0);
    assert_non_null(strstr(out.data, "                 00-0f 10-ff\n"
                                     "domain 0000-007f z     z\n"
                                     "       0080-00ff 1     z\n\n"));
    json_decref(view);
}

static void test_nothing_is_wider_than_asked(void **state)
{
    json_t *view = wide(board);
    unsigned lines = 0, headings = 0;
    text_auto out = {0};

    assert_int_equal(map_draw(view, 100, false, &out), 0);
    for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 100);
        headings += strstr(line, "adapter (card)") != NULL;
        lines++;
    }
    /* 28 columns of three characters fit next to the margin. */
    assert_int_equal(headings, 10);
    assert_true(lines > 10 * 256);
    json_decref(view);
}

static void test_colours_enclose_symbols(void **state)
{
    json_t *view = load(small);
    text_auto out = {0};

    assert_int_equal(map_draw(view, 80, true, &out), 0);
    assert_non_null(strstr(out.data, "(0a,0004) \033[1;32m1*~\033[0m |"));
    json_decref(view);
}

static void test_other_shapes_are_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"adapters\":[],\"domains\":[4],\"mdevs\":[],\"rows\":[]}",
        "{\"adapters\":[{\"id\":4}],\"domains\":[4],\"mdevs\":[],\"rows\":[[]]}",
        "{\"adapters\":[{\"id\":4}],\"domains\":[4],\"mdevs\":[],\"rows\":[[5]]}",
        "{\"adapters\":[{\"id\":4}],\"domains\":[4],\"mdevs\":[],\"rows\":[[\"v1\"]]}",
        "{\"adapters\":[{\"id\":400}],\"domains\":[4],\"mdevs\":[],\"rows\":[[\"v\"]]}",
        "{\"adapters\":[{}],\"domains\":[4],\"mdevs\":[],\"rows\":[[\"v\"]]}",
        "{\"adapters\":[{\"id\":4}],\"domains\":[-1],\"mdevs\":[],\"rows\":[[\"v\"]]}",
    };
    static const char *const cells[] = {"", "x", "v*1", "1", "v1**", "v1 ", "*"};
    struct map_cell cell;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        json_t *view = load(wrong[i]);
        text_auto out = {0};

        assert_int_equal(map_draw(view, 80, false, &out), -EPROTO);
        assert_null(map_flatten(view));
        json_decref(view);
    }
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        assert_int_equal(map_cell_parse(cells[i], &cell), -EPROTO);
}

static void test_flat_list(void **state)
{
    json_t *view = load(small), *flat = map_flatten(view);
    const json_t *queues = json_object_get(flat, "queues");
    char *second = json_dumps(json_array_get(queues, 2), JSON_COMPACT);

    assert_int_equal(json_array_size(queues), 6);
    assert_string_equal(second,
                        "{\"apqn\":\"0a.0004\",\"device\":true,\"owner\":\"vfio_ap\",\"mdev\":"
                        "\"9d4c0f6e-0000-4000-8000-000000000001\",\"guest\":\"Guest1\","
                        "\"in_use\":true,\"adapter_state\":\"standby\"}");
    free(second);
    json_decref(flat);
    json_decref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_drawing),
        cmocka_unit_test(test_short_drawing),
        cmocka_unit_test(test_neighbours_are_joined),
        cmocka_unit_test(test_nothing_is_wider_than_asked),
        cmocka_unit_test(test_colours_enclose_symbols),
        cmocka_unit_test(test_other_shapes_are_refused),
        cmocka_unit_test(test_flat_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
