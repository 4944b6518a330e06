/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/slice.h"

#include "unit.h"

static struct slice of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static void assert_slice(struct slice s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    if (s.len) /* an empty one may be nowhere */
        assert_memory_equal(s.at, text, s.len);
}

static void test_trim(void **state)
{
    assert_slice(slice_trim(of(" \ta b\t "), SLICE_BLANKS), "a b");
    assert_slice(slice_trim(of(" \t "), SLICE_BLANKS), "");
    assert_slice(slice_trim(of("\ra\r"), SLICE_BLANKS), "\ra\r");
    assert_int_equal(slice_trim((struct slice){"\0a", 2}, SLICE_BLANKS).len, 2);
}

static void test_words(void **state)
{
    struct slice rest = of("  one\ttwo ");

    assert_slice(slice_word(&rest), "one");
    assert_slice(slice_word(&rest), "two");
    assert_slice(slice_word(&rest), "");
    assert_slice(rest, "");
}

static void test_cut(void **state)
{
    struct slice rest = of("a,,b"), part;

    assert_true(slice_cut(rest, ',', &part, &rest));
    assert_slice(part, "a");
    assert_true(slice_cut(rest, ',', &part, &rest));
    assert_slice(part, "");
    assert_false(slice_cut(rest, ',', &part, &rest));
    assert_slice(part, "b");
    assert_slice(rest, "");
    assert_false(slice_cut((struct slice){NULL, 0}, ',', &part, &rest));
    assert_slice(part, "");
}

static void test_lines(void **state)
{
    struct slice rest = of("one\n\ntwo"), line;

    assert_true(slice_line(&rest, &line));
    assert_slice(line, "one");
    assert_true(slice_line(&rest, &line));
    assert_slice(line, "");
    assert_true(slice_line(&rest, &line));
    assert_slice(line, "two");
    assert_false(slice_line(&rest, &line));
    rest = of("one\n");
    assert_true(slice_line(&rest, &line));
    assert_slice(line, "one");
    assert_false(slice_line(&rest, &line));
    rest = (struct slice){NULL, 0};
    assert_false(slice_line(&rest, &line));
}

static void test_compare(void **state)
{
    assert_true(slice_is(of("busy"), "busy"));
    assert_false(slice_is(of("bus"), "busy"));
    assert_false(slice_is(of("busy "), "busy"));
    assert_true(slice_starts(of("code=1"), "code="));
    assert_false(slice_starts(of("code"), "code="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trim),  cmocka_unit_test(test_words),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_lines), cmocka_unit_test(test_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
