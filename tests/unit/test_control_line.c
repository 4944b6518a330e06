/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "control/line.h"
#include "control/ring.h"

#include "unit.h"

static void expect_line(struct line_buffer *b, const char *text)
{
    const char *line;
    size_t len;

    assert_int_equal(line_buffer_next(b, &line, &len), LINE_COMPLETE);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(line, text, len);
}

static void expect(struct line_buffer *b, enum line_result result)
{
    const char *line;
    size_t len;

    assert_int_equal(line_buffer_next(b, &line, &len), result);
}

static void test_lines_in_pieces(void **state)
{
    struct line_buffer b = {0};

    expect(&b, LINE_NONE);
    line_buffer_add(&b, "one\ntw", 6);
    expect_line(&b, "one");
    expect(&b, LINE_NONE);
    line_buffer_add(&b, "o\r\n\nthree", 9);
    expect_line(&b, "two");
    expect_line(&b, "");
    expect(&b, LINE_NONE);
    line_buffer_add(&b, "\n", 1);
    expect_line(&b, "three");
    line_buffer_done(&b);
}

static void test_byte_by_byte(void **state)
{
    static const char text[] = "abc\nde\n\nf\n";
    struct line_buffer b = {0};
    unsigned lines = 0;
    const char *line;
    size_t len;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        line_buffer_add(&b, text + i, 1);
        while (line_buffer_next(&b, &line, &len) == LINE_COMPLETE)
            lines++;
    }
    assert_int_equal(lines, 4);
    line_buffer_done(&b);
}

static char *filled(size_t len)
{
    char *text = malloc(len);

    memset(text, 'x', len);
    return text;
}

static void test_the_longest_line(void **state)
{
    char *text = filled(CONTROL_LINE_MAX);
    struct line_buffer b = {0};
    const char *line;
    size_t len;

    line_buffer_add(&b, text, CONTROL_LINE_MAX);
    expect(&b, LINE_NONE);
    line_buffer_add(&b, "\n", 1);
    assert_int_equal(line_buffer_next(&b, &line, &len), LINE_COMPLETE);
    assert_int_equal(len, CONTROL_LINE_MAX);
    line_buffer_done(&b);
    free(text);
}

static void test_a_longer_one_is_told_once_and_dropped(void **state)
{
    char *text = filled(CONTROL_LINE_MAX + 1);
    struct line_buffer b = {0};

    line_buffer_add(&b, text, CONTROL_LINE_MAX + 1);
    expect(&b, LINE_TOO_LONG);
    for (unsigned i = 0; i < 20; i++) {
        line_buffer_add(&b, text, CONTROL_LINE_MAX);
        expect(&b, LINE_NONE);
        assert_int_equal(b.bytes.len, 0);
    }
    line_buffer_add(&b, "end\nnext\n", 9);
    expect_line(&b, "next");
    expect(&b, LINE_NONE);
    line_buffer_done(&b);
    free(text);
}

static void test_a_longer_one_with_its_end_in_the_same_piece(void **state)
{
    char *text = filled(CONTROL_LINE_MAX + 10);
    struct line_buffer b = {0};

    memcpy(text + CONTROL_LINE_MAX + 4, "\nnext\n", 6);
    line_buffer_add(&b, text, CONTROL_LINE_MAX + 10);
    expect(&b, LINE_TOO_LONG);
    expect_line(&b, "next");
    line_buffer_done(&b);
    free(text);
}

static void test_ring_keeps_the_latest(void **state)
{
    struct ring r;
    const struct ring_record *record;

    ring_init(&r, 3);
    assert_null(ring_from(&r, 0));
    for (unsigned i = 1; i <= 5; i++)
        ring_add(&r, i * 10, i, (char[]){(char)('a' + i), 0});
    record = ring_from(&r, 0);
    assert_int_equal(record->number, 3);
    assert_string_equal(record->text, "d");
    assert_int_equal(ring_from(&r, 5)->time, 50);
    assert_int_equal(ring_from(&r, 5)->kind, 5);
    assert_null(ring_from(&r, 6));
    assert_null(ring_from(&r, UINT64_MAX));
    ring_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_pieces),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_the_longest_line),
        cmocka_unit_test(test_a_longer_one_is_told_once_and_dropped),
        cmocka_unit_test(test_a_longer_one_with_its_end_in_the_same_piece),
        cmocka_unit_test(test_ring_keeps_the_latest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
