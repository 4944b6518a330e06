/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/list.h"

#include "unit.h"

static void check(const char *text, const char *want)
{
    struct mask256 m = mask256_ones();
    text_auto again = {0};

    if (ap_list_parse(text, strlen(text), &m, NULL) != 0)
        fail_msg("\"%s\" refused", text);
    ap_list_format(&m, &again);
    assert_string_equal(again.data, want);
}

static void test_accepted(void **state)
{
    check("0", "0");
    check("255", "0xff");
    check("4-6,0x47", "4-6,0x47");
    check("4,0x47,0xab,0xff", "4,0x47,0xab,0xff");
    check("0-255", "0-0xff");
    check(" 4 - 6 ,\t0x47 ", "4-6,0x47");
    check("010", "8");
    check("0X1F", "0x1f");
    check("9,8,7", "7-9");
    check("5,5,5", "5");
    check("5-5", "5");
    check("4-6,5-8", "4-8");
    check("0,2,4", "0,2,4");
    check("0,1,3", "0,1,3");
    check("63,64,65,127-128,191-192", "0x3f-0x41,0x7f,0x80,0xbf,0xc0");
}

static void refused(const char *text, size_t len, int want, const char *reason)
{
    struct mask256 m = {{1, 2, 3, 4}}, before = m;
    text_auto why = {0};
    int rc = ap_list_parse(text, len, &m, &why);

    if (rc != want || !strstr(why.data, reason))
        fail_msg("\"%s\": %d, %s", text, rc, why.data);
    assert_true(mask256_equal(&m, &before));
    assert_int_equal(ap_list_parse(text, len, &m, NULL), want);
    assert_true(mask256_equal(&m, &before));
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "a number is missing"},   {" ", "a number is missing"},
        {",", "a number is missing"},  {"1,", "a number is missing"},
        {",1", "a number is missing"}, {"1,,2", "a number is missing"},
        {"4x", "\"4x\" is not"},       {"1,abc,2", "\"abc\" is not"},
        {"08", "\"08\" is not"},       {"0x", "\"0x\" is not"},
        {"+4", "\"+4\" is not"},       {"-4", "number is missing"},
        {"4-", "number is missing"},   {"4--6", "\"-6\" is not"},
        {"4-5-6", "\"5-6\" is not"},   {"6-4", "\"6-4\" is a descending"},
        {"4 6", "\"4 6\" is not"},     {"4\n", "\"4\\x0a\" is not"},
        {"4;5", "\"4;5\" is not"},     {"all", "\"all\" is not"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refused(rows[i].text, strlen(rows[i].text), -EINVAL, rows[i].reason);
    refused("4\0", 2, -EINVAL, "\"4\\x00\" is not");
    refused("256", 3, -ERANGE, "\"256\" is above 255");
    refused("1,4-0x100", 9, -ERANGE, "\"0x100\" is above 255");
    refused("99999999999999999999999", 23, -ERANGE, "above 255");
}

static void test_length_decides(void **state)
{
    struct mask256 m;
    text_auto list = {0};

    assert_int_equal(ap_list_parse("4-68", 3, &m, NULL), 0);
    ap_list_format(&m, &list);
    assert_string_equal(list.data, "4-6");
}

static void test_round_trip(void **state)
{
    uint64_t random = 88172645463325252u;

    for (int i = 0; i < 1000; i++) {
        struct mask256 m = {{0}}, again;
        text_auto list = {0};

        for (int k = 0; k < 4; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            m.w[k] = i % 2 ? random : random & random << 1 & random << 2;
        }
        mask256_set(&m, i % 256);
        ap_list_format(&m, &list);
        assert_int_equal(ap_list_parse(list.data, list.len, &again, NULL), 0);
        assert_true(mask256_equal(&again, &m));
    }
}

static void test_empty_mask_is_no_text(void **state)
{
    struct mask256 none = {{0}};
    text_auto list = {0};

    text_adds(&list, "x");
    ap_list_format(&none, &list);
    assert_string_equal(list.data, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length_decides),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty_mask_is_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
