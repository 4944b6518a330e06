/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "unit.h"

static void test_grows_and_stays_terminated(void **state)
{
    text_auto t = {0};

    for (size_t i = 0; i < 1000; i++) {
        text_addf(&t, "%04zu", i);
        assert_int_equal(t.len, 4 * (i + 1));
        assert_int_equal(strlen(t.data), t.len);
        assert_true(t.capacity > t.len);
    }
    assert_memory_equal(t.data, "00000001", 8);
    assert_string_equal(t.data + 3996, "0999");
}

static void test_exact_capacity(void **state)
{
    for (size_t len = 60; len < 70; len++) {
        text_auto t = {0}, u = {0};
        char bytes[80];

        memset(bytes, 'x', sizeof bytes);
        text_add(&t, bytes, len);
        assert_int_equal(t.data[len], '\0');
        text_add(&t, "y", 1);
        assert_int_equal(t.data[len], 'y');
        assert_int_equal(t.data[len + 1], '\0');
        text_addf(&u, "%.*s", (int)len, bytes);
        assert_int_equal(strlen(u.data), len);
    }
}

static void test_private_is_as_any_other(void **state)
{
    struct text t = {0};

    for (size_t i = 0; i < 1000; i++) {
        text_add_private(&t, "secret", 6);
        assert_int_equal(t.len, 6 * (i + 1));
        assert_int_equal(t.data[t.len], '\0');
    }
    assert_string_equal(t.data + 5988, "secretsecret");
    text_done_private(&t);
    assert_null(t.data);
    text_done_private(&t);
}

static void test_nothing_added(void **state)
{
    text_auto t = {0}, never = {0};

    text_add(&t, NULL, 0);
    assert_string_equal(t.data, "");
    text_adds(&t, "");
    text_addf(&t, "%s", "");
    assert_int_equal(t.len, 0);
    text_clear(&never);
    assert_null(never.data);
    text_done(&never);
}

static void test_bytes_with_nul(void **state)
{
    text_auto t = {0};

    text_add(&t, "a\0b", 3);
    text_adds(&t, "c");
    assert_int_equal(t.len, 4);
    assert_memory_equal(t.data, "a\0bc", 5);
}

static void test_clear_keeps_memory(void **state)
{
    struct text t = {0};
    size_t capacity;

    text_adds(&t, "something");
    capacity = t.capacity;
    text_clear(&t);
    assert_string_equal(t.data, "");
    assert_int_equal(t.len, 0);
    assert_int_equal(t.capacity, capacity);
    text_done(&t);
    assert_null(t.data);
    assert_int_equal(t.len, 0);
    assert_int_equal(t.capacity, 0);
}

static void test_quoted(void **state)
{
    text_auto t = {0};
    char bytes[200];

    text_add_quoted(&t, "CEX5C", 5);
    assert_string_equal(t.data, "\"CEX5C\"");
    text_clear(&t);
    text_add_quoted(&t, "a\n\t\"\\\x7f\xff\0z", 9);
    assert_string_equal(t.data, "\"a\\x0a\\x09\\x22\\x5c\\x7f\\xff\\x00z\"");
    text_clear(&t);
    text_add_quoted(&t, NULL, 0);
    assert_string_equal(t.data, "\"\"");
    text_clear(&t);
    memset(bytes, 'x', sizeof bytes);
    text_add_quoted(&t, bytes, 80);
    assert_int_equal(t.len, 82);
    assert_int_equal(t.data[81], '"');
    text_clear(&t);
    text_add_quoted(&t, bytes, 81);
    assert_int_equal(t.len, 85);
    assert_string_equal(t.data + 80, "x\"...");
}

static void test_line(void **state)
{
    text_auto t = {0};

    text_add_line(&t, "");
    assert_string_equal(t.data, "");
    text_add_line(&t, "cannot open z\303\244h\n\033[2J\"\\\177: \377\302\205\342\200\256x\303");
    assert_string_equal(t.data, "cannot open z\303\244h\\x0a\\x1b[2J\"\\\\x7f: \\xff\\xc2\\x85"
                                "\\xe2\\x80\\xaex\\xc3");
}

static void test_allocation_of_nothing(void **state)
{
    char *p = xcalloc(0, 0), *s;

    assert_non_null(p);
    p = xrealloc(p, 0);
    assert_non_null(p);
    free(p);
    s = xstrdup("copy");
    assert_string_equal(s, "copy");
    free(s);
}

static void test_what_is_printable(void **state)
{
    static const char *const good[] = {"", "a b", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static const char *const bad[] = {"\n",
                                      "a\x7f",
                                      "\xff",
                                      "\xc3",
                                      "\xc3(",
                                      "\xc0\xaf",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xc2\x9b",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(text_is_printable(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(text_is_printable(bad[i], strlen(bad[i])));
    assert_false(text_is_printable("\xc3\xa4", 1));
    assert_false(text_is_printable("a\0b", 3));
}

static void test_ends_with(void **state)
{
    assert_true(text_ends_with("card05/config", "/config"));
    assert_true(text_ends_with("/config", "/config"));
    assert_true(text_ends_with("config", ""));
    assert_true(text_ends_with("", ""));
    assert_false(text_ends_with("config", "/config"));
    assert_false(text_ends_with("card05/config2", "/config"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_with),
        cmocka_unit_test(test_grows_and_stays_terminated),
        cmocka_unit_test(test_exact_capacity),
        cmocka_unit_test(test_private_is_as_any_other),
        cmocka_unit_test(test_nothing_added),
        cmocka_unit_test(test_bytes_with_nul),
        cmocka_unit_test(test_clear_keeps_memory),
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_allocation_of_nothing),
        cmocka_unit_test(test_what_is_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
