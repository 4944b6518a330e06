/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/number.h"

#include "unit.h"

#define UNTOUCHED 424242

static void check_u64(const char *text, unsigned base, int want_rc, uint64_t want)
{
    uint64_t value = UNTOUCHED;
    int rc = number_parse_u64(text, strlen(text), base, &value);

    if (rc != want_rc || value != (rc == 0 ? want : UNTOUCHED))
        fail_msg("\"%s\": %d, %llu", text, rc, (unsigned long long)value);
}

static void check_int(const char *text, unsigned base, int want_rc, int want)
{
    int value = UNTOUCHED, rc = number_parse_int(text, strlen(text), base, &value);

    if (rc != want_rc || value != (rc == 0 ? want : UNTOUCHED))
        fail_msg("\"%s\": %d, %d", text, rc, value);
}

/* Number grammar of assign_* [matrix-number]. */
static void test_accepted(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {
        {"0", 0},
        {"5", 5},
        {"5\n", 5},
        {"+5", 5},
        {"+5\n", 5},
        {"010", 8},
        {"0XA", 10},
        {"0xa", 10},
        {"0xaB\n", 0xab},
        {"+0x47", 0x47},
        {"+010", 8},
        {"00", 0},
        {"000000005", 5},
        {"0x000000f", 15},
        {"255", 255},
        {"256", 256},
        {"0377", 255},
        {"18446744073709551615", UINT64_MAX},
        {"0xffffffffffffffff", UINT64_MAX},
        {"01777777777777777777777", UINT64_MAX},
        {"0x0000000000000000000000000000000001", 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_u64(rows[i].text, 0, 0, rows[i].value);
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "\n",
        " ",
        "5 ",
        " 5",
        "-1",
        "-0",
        "5,6",
        "08",
        "09",
        "0x",
        "0x\n",
        "0xg",
        "x5",
        "5x",
        "++5",
        "+-5",
        "+",
        "+\n",
        "5\n\n",
        "\n5",
        "5\r\n",
        "0b1",
        "1.0",
        "1e3",
        "five",
        "0x 5",
        "+ 5",
        "0x-5",
        "0x+5",
        "00x5",
        "a",
        "0xfffffffffffffffff0g",
        "99999999999999999999999x",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_u64(rows[i], 0, -EINVAL, 0);
}

static void test_range(void **state)
{
    check_u64("18446744073709551616", 0, -ERANGE, 0);
    check_u64("18446744073709551616\n", 0, -ERANGE, 0);
    check_u64("0x10000000000000000", 0, -ERANGE, 0);
    check_u64("02000000000000000000000", 0, -ERANGE, 0);
    check_u64("99999999999999999999999999999999999999999", 0, -ERANGE, 0);
    check_u64("36893488147419103232", 0, -ERANGE, 0);
}

static void test_base_10(void **state)
{
    check_u64("10", 10, 0, 10);
    check_u64("010", 10, 0, 10);
    check_u64("08", 10, 0, 8);
    check_u64("+7\n", 10, 0, 7);
    check_u64("0x10", 10, -EINVAL, 0);
    check_u64("a", 10, -EINVAL, 0);
    check_int("-010", 10, 0, -10);
}

static void test_length_decides(void **state)
{
    uint64_t value = UNTOUCHED;
    int number = UNTOUCHED;

    assert_int_equal(number_parse_u64("123", 2, 0, &value), 0);
    assert_int_equal(value, 12);
    assert_int_equal(number_parse_u64("12\0", 3, 0, &value), -EINVAL);
    assert_int_equal(number_parse_u64("+5", 1, 0, &value), -EINVAL);
    assert_int_equal(number_parse_u64("0x5", 2, 0, &value), -EINVAL);
    assert_int_equal(number_parse_int("-5", 1, 0, &number), -EINVAL);
    assert_int_equal(value, 12);
    assert_int_equal(number, UNTOUCHED);
}

static void test_int(void **state)
{
    check_int("0", 0, 0, 0);
    check_int("-0", 0, 0, 0);
    check_int("-1\n", 0, 0, -1);
    check_int("+1", 0, 0, 1);
    check_int("-0x10", 0, 0, -16);
    check_int("-010", 0, 0, -8);
    check_int("2147483647", 0, 0, INT_MAX);
    check_int("-2147483648", 0, 0, INT_MIN);
    check_int("2147483648", 0, -ERANGE, 0);
    check_int("-2147483649", 0, -ERANGE, 0);
    check_int("4294967296", 0, -ERANGE, 0);
    check_int("18446744073709551616", 0, -ERANGE, 0);
    check_int("-18446744073709551616", 0, -ERANGE, 0);
    check_int("--1", 0, -EINVAL, 0);
    check_int("+-1", 0, -EINVAL, 0);
    check_int("-", 0, -EINVAL, 0);
    check_int("", 0, -EINVAL, 0);
    check_int("- 1", 0, -EINVAL, 0);
}

static void test_hex_digits(void **state)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

    for (int c = 1; c < 256; c++) {
        const char *l = strchr(lower, c), *u = strchr(upper, c);

        assert_int_equal(number_hex_lower((char)c), l ? l - lower : -1);
        assert_int_equal(number_hex_digit((char)c), l ? l - lower : u ? u - upper : -1);
    }
    assert_int_equal(number_hex_lower('\0'), -1);
    assert_int_equal(number_hex_digit('\0'), -1);
}

static void test_bool(void **state)
{
    static const char *const yes[] = {"1",  "y",  "Y",  "yes", "t",  "T", "true",  "on",
                                      "On", "oN", "ON", "1\n", "10", "e", "Enable"};
    static const char *const no[] = {"0",   "n",   "N",   "no",  "f",  "F", "false",
                                     "off", "Off", "oFF", "0\n", "of", "d", "DISABLE"};
    static const char *const neither[] = {"",   "\n", " 1",   "2",    "o",  "o\n",
                                          "ox", "-1", "\x11", "\x10", "+1", "x"};
    bool value;

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        value = false;
        assert_int_equal(number_parse_bool(yes[i], strlen(yes[i]), &value), 0);
        assert_true(value);
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        value = true;
        assert_int_equal(number_parse_bool(no[i], strlen(no[i]), &value), 0);
        assert_false(value);
    }
    for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
        value = i % 2;
        if (number_parse_bool(neither[i], strlen(neither[i]), &value) != -EINVAL)
            fail_msg("\"%s\" accepted", neither[i]);
        assert_int_equal(value, i % 2);
    }
    assert_int_equal(number_parse_bool("on", 1, &value), -EINVAL);
    assert_int_equal(number_parse_bool("\0"
                                       "1",
                                       2, &value),
                     -EINVAL);
}

/* Conversions of the kernel's sscanf: %d and %i. REFUSED: not a number. */
#define REFUSED INT64_MIN

static const struct {
    const char *text;
    int64_t d, i;
} scanned[] = {
    {"0", 0, 0},
    {"1", 1, 1},
    {"1\n", 1, 1},
    {"30", 30, 30},
    {"-1", -1, -1},
    {"-0", 0, 0},
    {"+1", REFUSED, REFUSED},
    {"+30\n", REFUSED, REFUSED},
    {"+-1", REFUSED, REFUSED},
    {"-+1", REFUSED, REFUSED},
    {"--1", REFUSED, REFUSED},
    {"- 1", REFUSED, REFUSED},
    {"-", REFUSED, REFUSED},
    {"+", REFUSED, REFUSED},
    {"", REFUSED, REFUSED},
    {"\n", REFUSED, REFUSED},
    {" ", REFUSED, REFUSED},
    {" 1", 1, 1},
    {"\t1", 1, 1},
    {"\n1", 1, 1},
    {"\v\f\r 1", 1, 1},
    {" -5", -5, -5},
    {"\x1f"
     "1",
     REFUSED, REFUSED},
    {"1 ", 1, 1},
    {"1 2", 1, 1},
    {"1,2", 1, 1},
    {"1.5", 1, 1},
    {"1x", 1, 1},
    {"1e3", 1, 1},
    {"1\n\n", 1, 1},
    {"x1", REFUSED, REFUSED},
    {"a", REFUSED, REFUSED},
    {"on", REFUSED, REFUSED},
    {"yes", REFUSED, REFUSED},
    {",1", REFUSED, REFUSED},
    {".5", REFUSED, REFUSED},
    {"00", 0, 0},
    {"01", 1, 1},
    {"010", 10, 8},
    {"-010", -10, -8},
    {"08", 8, 0},
    {"018", 18, 1},
    {"0x", 0, 0},
    {"0xg", 0, 0},
    {"0x10", 0, 16},
    {"0X1f", 0, 31},
    {"0xF ", 0, 15},
    {"-0x10", 0, -16},
    {"0x0x1", 0, 0},
    {"0b1", 0, 0},
    {"0o7", 0, 0},
    {"2147483647", INT_MAX, INT_MAX},
    {"-2147483648", INT_MIN, INT_MIN},
    {"2147483648", INT_MIN, INT_MIN},
    {"4294967295", -1, -1},
    {"4294967296", 0, 0},
    {"4294967326", 30, 30},
    {"-4294967295", 1, 1},
    {"0x10000001e", 0, 30},
    {"18446744073709551617", 1, 1},
    {"36893488147419103262", 30, 30},
};

static void test_scan(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(scanned); i++) {
        for (unsigned base = 0; base <= 10; base += 10) {
            int64_t wanted = base ? scanned[i].d : scanned[i].i;
            int value = UNTOUCHED;
            int rc = number_scan_int(scanned[i].text, strlen(scanned[i].text), base, &value);

            if (rc != (wanted == REFUSED ? -EINVAL : 0) ||
                value != (wanted == REFUSED ? UNTOUCHED : (int)wanted))
                fail_msg("\"%s\" by base %u: %d, %d", scanned[i].text, base, rc, value);
        }
    }
}

static void test_switch(void **state)
{
    bool on = true;

    assert_int_equal(number_scan_switch("0", 1, &on), 0);
    assert_false(on);
    assert_int_equal(number_scan_switch(" 1\n", 3, &on), 0);
    assert_true(on);
    assert_int_equal(number_scan_switch("+1", 2, &on), -EINVAL);
    assert_int_equal(number_scan_switch("2", 1, &on), -EINVAL);
    assert_int_equal(number_scan_switch("-1", 2, &on), -EINVAL);
    assert_true(on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_range),          cmocka_unit_test(test_base_10),
        cmocka_unit_test(test_length_decides), cmocka_unit_test(test_int),
        cmocka_unit_test(test_hex_digits),     cmocka_unit_test(test_bool),
        cmocka_unit_test(test_scan),           cmocka_unit_test(test_switch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
