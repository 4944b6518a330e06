/* SPDX-License-Identifier: MIT */
/* What a map shows, and its drawers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map/map.h"
#include "store/setup.h"

#include "core_made.h"

#define UUID1 "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2 "69aa1a8a-0000-4000-8000-000000000002"
#define UUID3 "69aa1a8a-0000-4000-8000-000000000003"

/* before may be NULL. */
static struct map read_map(const char *before, const char *now)
{
    struct core *old = before ? make(before) : NULL, *new = make(now);
    struct map map;

    map_read(old, new, &map);
    core_free(old);
    core_free(new);
    return map;
}

static void assert_begins(const struct text *out, const char *what)
{
    assert_true(out->len >= strlen(what));
    assert_memory_equal(out->data, what, strlen(what));
}

static const struct map_paper wide = {.width = 120}, narrow = {.width = 80};

#define HARDWARE                                                                                   \
    "[machine]\ndomains = 4,0x47\n[adapter 4]\ntype = CEX5C\n[adapter 10]\ntype = CEX7P\n"         \
    "[adapter 11]\ntype = CEX8A\nconfigured = no\n[bus]\napmask = +4\naqmask = +0-255\n"
#define SMALL                                                                                      \
    HARDWARE "[mdev " UUID1 "]\nadapters = 10\ndomains = 4\n[mdev " UUID2 "]\nadapters = 11,14\n"  \
             "domains = 0x47\n[guest Guest1]\nmdev = " UUID1 "\n[card 10]\nunbound = 0x47\n"       \
             "[card 4]\nqueues-offline = 4\n[fault 1]\nrule = 04.0047 always busy\n"

static void test_cells_name_queues(void **state)
{
    map_auto map = read_map(NULL, SMALL);
    text_auto out = {0};

    map_text(&map, &wide, &out);
    assert_string_equal(
        out.data,
        "                adapter (card)\n"
        "                04 CEX5C         0a CEX7P         0b CEX8A         0e missing\n"
        "                                                  deconfigured\n"
        "              +----------------+----------------+----------------+----------------+\n"
        "domain  0004  | (04,0004) .%   | (0a,0004) 1    | (0b,0004) +    | (0e,0004) -    |\n"
        "        0047  | (04,0047) .#   | (0a,0047) ?    | (0b,0047) 2    | (0e,0047) 2-   |\n"
        "              +----------------+----------------+----------------+----------------+\n"
        "\n"
        "-     no such queue, 1 queue\n"
        ".     zcrypt, 2 queues\n"
        "+     vfio_ap, not assigned to a mediated device, 1 queue\n"
        "?     no driver, 1 queue\n"
        "#     a fault is injected (apus fault list)\n"
        "%     offline: set so in Linux\n"
        "~     deconfigured: the adapter is in standby\n"
        "-     assigned, but there is no such queue\n"
        "1     Guest1, device " UUID1 ", 1 queue\n"
        "2     no guest, device " UUID2 ", 2 queues\n");
}

static void test_signs_alone(void **state)
{
    map_auto map = read_map(NULL, SMALL);
    text_auto out = {0};

    map_text(&map, &narrow, &out);
    assert_begins(&out, "domain   adapter (card)\n"
                        "         04  0a  0b~ 0e\n"
                        "0004     .%  1   +   -\n"
                        "0047     .#  ?   2   2-\n\n");
}

static void test_adapters_are_rows_if_the_height_wants_it(void **state)
{
    const struct map_paper low = {.width = 40, .height = 10, .compact = true};
    map_auto map = read_map(NULL, "[machine]\ndomains = 0,2,4,6,8,10,12,14,16,18,20,22\n"
                                  "[adapter 1]\ntype = CEX8C\n[adapter 3]\ntype = CEX8C\n"
                                  "[bus]\napmask = +1\n");
    text_auto out = {0};

    map_text(&map, &low, &out);
    assert_begins(&out, "adapter  domain\n"
                        "         0 0 0 0 0 0 0 0 1 1 1 1\n"
                        "         0 2 4 6 8 a c e 0 2 4 6\n"
                        "01       . . . . . . . . . . . .\n"
                        "03       + + + + + + + + + + + +\n");
}

static void test_equal_neighbours_are_joined(void **state)
{
    map_auto map = read_map(NULL, "[machine]\ndomains = 0-255\n[adapter 0-255]\ntype = CEX8C\n"
                                  "[bus]\napmask = +16-255\naqmask = +0-255\n"
                                  "[mdev " UUID1 "]\nadapters = 0-15\ndomains = 128-255\n");
    text_auto out = {0};

    map_text(&map, &narrow, &out);
    assert_begins(&out, "domain     adapter (card)\n"
                        "           00-0f 10-ff\n"
                        "0000-007f  +     .\n"
                        "0080-00ff  1     .\n\n");
}

/* Odd adapters with odd domains are one device's, even ones another's. */
static void board(struct text *file)
{
    text_adds(file, "[machine]\ndomains = 0-255\n[adapter 0-255]\ntype = CEX8C\n[bus]\napmask = "
                    "0x0\naqmask = 0x0\n");
    for (unsigned odd = 0; odd < 2; odd++) {
        text_addf(file, "[mdev %s]\n", odd ? UUID1 : UUID2);
        for (unsigned domain = 0; domain < 2; domain++) {
            text_addf(file, "%s = %u", domain ? "domains" : "adapters", odd);
            for (unsigned id = odd + 2; id < 256; id += 2)
                text_addf(file, id % 32 < 2 ? ",\n  %u" : ",%u", id);
            text_adds(file, "\n");
        }
    }
}

static void test_nothing_is_wider_than_asked(void **state)
{
    text_auto out = {0}, file = {0};
    unsigned lines = 0, blocks = 0;
    struct map map;

    board(&file);
    map = read_map(NULL, file.data);
    map_text(&map, &narrow, &out);
    map_done(&map);
    for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 80);
        blocks += strstr(line, "adapter (card)") != NULL;
        lines++;
    }
    /* Signs of one character need no gap: 69 fit next to the margin. */
    assert_int_equal(blocks, 4);
    assert_int_equal(lines, 4 * (256 + 3) + 3);
}

static void test_colours_enclose_signs(void **state)
{
    const struct map_paper paper = {.width = 120, .colour = true};
    map_auto map = read_map(NULL, SMALL);
    text_auto out = {0};

    map_text(&map, &paper, &out);
    assert_non_null(strstr(out.data, "(0a,0004) \033[38;5;34m1\033[0m    |"));
    assert_non_null(strstr(out.data, "(04,0004) \033[1;38;5;33m.%\033[0m   |"));
    assert_non_null(strstr(out.data, "\n\033[38;5;34m1    \033[0m Guest1, "));
}

#define CHANGED                                                                                    \
    HARDWARE "[mdev " UUID1 "]\nadapters = 10\ndomains = 4\n[mdev " UUID3 "]\nadapters = 10\n"     \
             "domains = 0x47\n[guest Guest2]\nmdev = " UUID1 "\n"

static void test_a_comparison_shows_both_owners(void **state)
{
    map_auto map = read_map(SMALL, CHANGED);
    text_auto out = {0};

    map_text(&map, &wide, &out);
    assert_non_null(strstr(out.data, "| (04,0004) .%>.  | (0a,0004) 1>1   | (0b,0004) +~    |"));
    assert_non_null(strstr(out.data, "| (04,0047) .#>.  | (0a,0047) ?>2   | (0b,0047) 3~>+~ |"));
    assert_non_null(strstr(out.data, "\n1     Guest2, before Guest1, device " UUID1
                                     ", 1 queue\n2     no guest, device " UUID3
                                     ", new, 1 queue, before 0\n3     no guest, device " UUID2
                                     ", removed, 0 queues, before 2\n"));
    assert_non_null(strstr(out.data, "\n\nvfio_ap gets 0b.0047\nno driver loses 0a.0047\n"
                                     "Guest1 loses 0a.0004\nGuest2 gets 0a.0004\n" UUID3
                                     " gets 0a.0047\n" UUID2 " loses 0b.0047, 0e.0047\n"));
}

static void test_the_same_twice_changes_nothing(void **state)
{
    map_auto map = read_map(SMALL, SMALL);
    text_auto out = {0};

    map_changes(&map, &out);
    assert_null(out.data);
    for (size_t i = 0; i < (size_t)map.rows * map.columns; i++)
        assert_false(map_changed(&map, i));
    assert_int_equal(map_filter(&map, &(struct map_filter){.changed = true}), 0);
    map_text(&map, &wide, &out);
    assert_string_equal(out.data, "Nothing matches.\n\n");
}

static void test_filters_leave_rows_and_columns(void **state)
{
    struct mask256 adapters = {0}, domains = {0};
    map_auto map = read_map(SMALL, CHANGED);

    mask256_set(&adapters, 10);
    mask256_set(&adapters, 11);
    mask256_set(&domains, 0x47);
    assert_int_equal(map_filter(&map, &(struct map_filter){.guest = "Guest3"}), -ENOENT);
    assert_int_equal(map.columns, 4);
    assert_int_equal(map_filter(&map, &(struct map_filter){&adapters, &domains}), 0);
    assert_int_equal(map.columns, 2);
    assert_int_equal(map.rows, 1);
    assert_int_equal(map_qn(&map, 1), AP_QN(11, 0x47));
    assert_int_equal(map_filter(&map, &(struct map_filter){.guest = "Guest1"}), 0);
    assert_int_equal(map.columns, 0);
}

static void test_a_guest_is_found_in_both_states(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        map_auto map = read_map(SMALL, CHANGED);

        assert_int_equal(map_filter(&map, &(struct map_filter){.guest = i ? "Guest2" : "Guest1"}),
                         0);
        assert_int_equal(map.columns * map.rows, 1);
        assert_int_equal(map_qn(&map, 0), AP_QN(10, 4));
    }
}

static const char hostile[] =
    HARDWARE "[mdev " UUID1 "]\nadapters = 10\ndomains = 4,0x47\n"
             "[guest %3cimg%20src=x%20onerror=%22a%22%3e&%e2%80%ae%c3%a4]\nmdev = " UUID1 "\n";

static void test_names_are_escaped_for_terminals(void **state)
{
    map_auto map = read_map(NULL, hostile);
    text_auto out = {0};

    map_text(&map, &wide, &out);
    assert_non_null(strstr(out.data, "<img src=x onerror=\"a\">&\\xe2\\x80\\xaeä, "));
    text_clear(&out);
    map_name("\033[31m\xc3(\n", 0, &out);
    assert_string_equal(out.data, "\\x1b[31m\\xc3(\\x0a");
}

static void test_names_are_escaped_for_browsers(void **state)
{
    const struct map_note notes[] = {{.title = "Steps", .lines = "a<b\nc", .numbered = true}, {0}};
    const struct map_page page = {.title = "<b>", .notes = notes};
    map_auto map = read_map(NULL, hostile);
    text_auto html = {0}, svg = {0};

    map_html(&map, &page, &html);
    map_svg(&map, &svg);
    assert_null(strstr(html.data, "<img"));
    assert_null(strstr(svg.data, "<img"));
    assert_non_null(strstr(html.data, "&lt;img src=x onerror=&quot;a&quot;&gt;&amp;\\xe2"));
    assert_non_null(strstr(html.data, "<h1>&lt;b&gt;</h1>"));
    assert_non_null(strstr(html.data, "<ol class=\"lines\">\n<li>a&lt;b</li>\n<li>c</li>\n</ol>"));
    assert_null(strstr(html.data, "<script"));
    assert_null(strstr(html.data, "http://www.w3.org/1999"));
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void test_a_picture_has_every_queue(void **state)
{
    map_auto map = read_map(SMALL, CHANGED);
    text_auto svg = {0};

    map_svg(&map, &svg);
    /* Both states have 4 x 2 queues. */
    assert_int_equal(count(svg.data, "<title>"), 16);
    assert_int_equal(count(svg.data, "class=\"o\""), 2 * 6);
    assert_int_equal(count(svg.data, "<title>0a.0047: 69aa1a8a, no guest; before: no driver<"), 1);
    assert_int_equal(count(svg.data, "<title>0a.0047: no driver; after: 69aa1a8a, no guest<"), 1);
}

static void test_large_areas_are_one_rectangle(void **state)
{
    map_auto map = read_map(NULL, "[machine]\ndomains = 0-255\n[adapter 0-255]\ntype = CEX8C\n"
                                  "[bus]\napmask = +16-255\naqmask = +0-255\n"
                                  "[mdev " UUID1 "]\nadapters = 0-15\ndomains = 128-255\n");
    text_auto html = {0};

    map_html(&map, &(struct map_page){.title = "t"}, &html);
    assert_int_equal(count(html.data, "<title>"), 1 + 3);
    assert_non_null(strstr(html.data, "<title>10-ff.0000-00ff: zcrypt</title>"));
    assert_non_null(strstr(html.data, "<title>00-0f.0080-00ff: 69aa1a8a, no guest</title>"));
}

static void test_no_queues(void **state)
{
    map_auto map = read_map(NULL, "[machine]\ndomains = 4\n");
    text_auto out = {0}, html = {0};

    map_text(&map, &wide, &out);
    assert_string_equal(out.data, "The LPAR has no queues, and none is assigned.\n\n");
    map_html(&map, &(struct map_page){.title = "t"}, &html);
    assert_non_null(strstr(html.data, "There are no queues."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_name_queues),
        cmocka_unit_test(test_signs_alone),
        cmocka_unit_test(test_adapters_are_rows_if_the_height_wants_it),
        cmocka_unit_test(test_equal_neighbours_are_joined),
        cmocka_unit_test(test_nothing_is_wider_than_asked),
        cmocka_unit_test(test_colours_enclose_signs),
        cmocka_unit_test(test_a_comparison_shows_both_owners),
        cmocka_unit_test(test_the_same_twice_changes_nothing),
        cmocka_unit_test(test_filters_leave_rows_and_columns),
        cmocka_unit_test(test_a_guest_is_found_in_both_states),
        cmocka_unit_test(test_names_are_escaped_for_terminals),
        cmocka_unit_test(test_names_are_escaped_for_browsers),
        cmocka_unit_test(test_a_picture_has_every_queue),
        cmocka_unit_test(test_large_areas_are_one_rectangle),
        cmocka_unit_test(test_no_queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
