/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/mask256.h"

#include "unit.h"

static struct mask256 mask_of(const int *bits)
{
    struct mask256 m = {{0}};

    for (; *bits >= 0; bits++)
        mask256_set(&m, (unsigned)*bits);
    return m;
}

#define MASK(...) mask_of((const int[]){__VA_ARGS__, -1})

static void assert_mask(struct mask256 got, struct mask256 want, const char *what)
{
    char got_text[MASK256_TEXT], want_text[MASK256_TEXT];

    mask256_format(&got, got_text);
    mask256_format(&want, want_text);
    if (strcmp(got_text, want_text) != 0)
        fail_msg("\"%s\": %s instead of %s", what, got_text, want_text);
}

static const unsigned borders[] = {0, 1, 62, 63, 64, 65, 127, 128, 191, 192, 254, 255};

static void test_bits_at_word_borders(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(borders); i++) {
        struct mask256 m = {{0}}, ones = mask256_ones();
        unsigned bit = borders[i];
        uint8_t bytes[MASK256_BYTES];

        mask256_set(&m, bit);
        mask256_clear(&ones, bit);
        for (unsigned other = 0; other < 256; other++) {
            assert_int_equal(mask256_test(&m, other), other == bit);
            assert_int_equal(mask256_test(&ones, other), other != bit);
        }
        assert_int_equal(mask256_count(&m), 1);
        assert_int_equal(mask256_count(&ones), 255);
        mask256_to_bytes(&m, bytes);
        for (unsigned k = 0; k < MASK256_BYTES; k++)
            assert_int_equal(bytes[k], k == bit / 8 ? 0x80 >> bit % 8 : 0);
        assert_mask(mask256_from_bytes(bytes), m, "bytes");
        mask256_assign(&m, bit, false);
        assert_true(mask256_empty(&m));
        mask256_assign(&m, bit, true);
        assert_true(mask256_test(&m, bit));
    }
}

static void test_next(void **state)
{
    struct mask256 m = MASK(0, 63, 64, 128, 255), none = {{0}};
    const unsigned want[] = {0, 63, 64, 128, 255};
    size_t n = 0;

    mask256_for_each (bit, &m)
        assert_int_equal(bit, want[n++]);
    assert_int_equal(n, ARRAY_LEN(want));
    assert_int_equal(mask256_next(&m, 1), 63);
    assert_int_equal(mask256_next(&m, 65), 128);
    assert_int_equal(mask256_next(&m, 129), 255);
    assert_int_equal(mask256_next(&m, 255), 255);
    assert_int_equal(mask256_next(&m, 256), MASK256_BITS);
    assert_int_equal(mask256_next(&none, 0), MASK256_BITS);
}

static void test_set_operations(void **state)
{
    struct mask256 a = MASK(0, 63, 64, 200), b = MASK(63, 64, 255), both = MASK(63, 64);
    struct mask256 none = {{0}}, ones = mask256_ones();

    assert_mask(mask256_and(a, b), both, "and");
    assert_mask(mask256_or(a, b), MASK(0, 63, 64, 200, 255), "or");
    assert_mask(mask256_andnot(a, b), MASK(0, 200), "andnot");
    assert_mask(mask256_andnot(ones, ones), none, "andnot itself");
    assert_true(mask256_intersects(&a, &b));
    assert_false(mask256_intersects(&a, &none));
    for (size_t i = 0; i < ARRAY_LEN(borders); i++) {
        struct mask256 one = MASK((int)borders[i]), rest = mask256_andnot(ones, one);

        assert_true(mask256_intersects(&one, &ones));
        assert_false(mask256_intersects(&one, &rest));
        assert_true(mask256_subset(&one, &ones));
        assert_false(mask256_subset(&one, &rest));
        assert_false(mask256_equal(&ones, &rest));
        assert_false(mask256_empty(&one));
    }
    assert_true(mask256_subset(&both, &a));
    assert_false(mask256_subset(&a, &both));
    assert_true(mask256_subset(&none, &none));
    assert_int_equal(mask256_count(&ones), 256);
}

#define F15 "fffffffffffffff"
#define F62 F15 F15 F15 F15 "ff"

static void test_format(void **state)
{
    struct mask256 m = MASK(4, 0x47, 0xab, 0xff), none = {{0}};
    char text[MASK256_TEXT];

    mask256_format(&none, text);
    assert_int_equal(strlen(text), 66);
    assert_int_equal(strspn(text + 2, "0"), 64);
    mask256_format(&m, text);
    assert_string_equal(text, "0x0800000000000000010000000000000000000000001000000000000000000001");
    m = mask256_andnot(mask256_ones(), MASK(5, 6));
    mask256_format(&m, text);
    assert_string_equal(text, "0xf9" F62);
}

struct accepted {
    const char *text;
    struct mask256 want;
};

static void check_accepted(struct mask256 start, const struct accepted *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct mask256 m = start;
        int rc = mask256_parse(rows[i].text, strlen(rows[i].text), &m);

        if (rc != 0)
            fail_msg("\"%s\": %d", rows[i].text, rc);
        assert_mask(m, rows[i].want, rows[i].text);
    }
}

/* Every accepted form of [masks-grammar], applied to a mask with bits 0, 5 and 200. */
static void test_absolute_is_accepted(void **state)
{
    const struct accepted rows[] = {
        {"0x41", MASK(1, 7)},
        {"0x41\n", MASK(1, 7)},
        {"41", MASK(1, 7)},
        {"x41", MASK(1, 7)},
        {"5", MASK(1, 3)},
        {"5\n", MASK(1, 3)},
        {"\n", {{0}}},
        {"", {{0}}},
        {"0x", {{0}}},
        {"0x\n", {{0}}},
        {"x", {{0}}},
        {"0", {{0}}},
        {"0xF", MASK(0, 1, 2, 3)},
        {"0xaBcD", MASK(0, 2, 4, 6, 7, 8, 9, 12, 13, 15)},
        {"0xff" F62, mask256_ones()},
        {"ff" F62 "\n", mask256_ones()},
    };

    check_accepted(MASK(0, 5, 200), rows, ARRAY_LEN(rows));
}

static void test_relative_is_accepted(void **state)
{
    const struct mask256 start = MASK(0, 5, 200);
    const struct accepted rows[] = {
        {"+1", MASK(0, 1, 5, 200)},
        {"+1\n", MASK(0, 1, 5, 200)},
        {"-5", MASK(0, 200)},
        {"-6", start},
        {"+5", start},
        {"+1-3", MASK(0, 1, 2, 3, 5, 200)},
        {"+3-3", MASK(0, 3, 5, 200)},
        {"+1,-5", MASK(0, 1, 200)},
        {"-4-7", MASK(0, 200)},
        {"+1+2", MASK(0, 1, 2, 5, 200)},
        {"+1-2+4", MASK(0, 1, 2, 4, 5, 200)},
        {"+1-2-5", MASK(0, 1, 2, 200)},
        {"+1,,+2", MASK(0, 1, 2, 5, 200)},
        {"+1,\n,+2", MASK(0, 1, 2, 5, 200)},
        {"+1,", MASK(0, 1, 5, 200)},
        {"+1\n+2\n", MASK(0, 1, 2, 5, 200)},
        {"+0-255,-128", mask256_andnot(mask256_ones(), MASK(128))},
        {"-0-255,+128", MASK(128)},
        {"+128,-128", start},
        {"-128,+128", MASK(0, 5, 128, 200)},
        {"+0X41", MASK(0, 5, 65, 200)},
        {"+0x41", MASK(0, 5, 65, 200)},
        {"+0xFf", MASK(0, 5, 200, 255)},
        {"+010", MASK(0, 5, 8, 200)},
        {"+0377", MASK(0, 5, 200, 255)},
        {"+00000000000000000000001", MASK(0, 1, 5, 200)},
        {"+0x00000000000000000000001", MASK(0, 1, 5, 200)},
        {"-0", MASK(5, 200)},
        {"+0x3f-0x40", MASK(0, 5, 63, 64, 200)},
        {"-4,-0x47,-0xab,-0xff", start},
        {"-5,-6", MASK(0, 200)},
    };

    check_accepted(start, rows, ARRAY_LEN(rows));
}

/* Every form that is refused. */
static const char *const refused[] = {
    "0X41",
    "0xff" F62 "0",
    "ff" F62 "00",
    "0x41 ",
    " 0x41",
    " ",
    "\t41",
    "1,2",
    "0xx41",
    "xx41",
    "0x41\n0x41",
    "0x41\n\n",
    "\n\n",
    "0x4g",
    "g",
    "41,",
    "4-6",
    "0x-1",
    "+256",
    "+0x128",
    "+0x100",
    "+0400",
    "+3-1",
    "+",
    "-",
    "+x",
    "+x1",
    "+ 1",
    "+1 ",
    "+1, +2",
    "+08",
    "+09",
    "+0x",
    "+0xg",
    "+0x-1",
    "+1-",
    "+1--2",
    "+1-+2",
    "+1-256",
    "+1,2",
    "+1 2",
    "++1",
    "+-1",
    "+1,+",

    "+18446744073709551617",
    "+340282366920938463463374607431768211457",
    "+0x10000000000000001",
    "+1\r\n",
    "+0b1",
    "+1;+2",
    "+\n1",
    "-\n",
    "+1.",
    "+0-0400",
};

static void test_grammar_refuses(void **state)
{
    const struct mask256 start = MASK(0, 5, 200);
    struct mask256 m = start;

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (mask256_parse(refused[i], strlen(refused[i]), &m) != -EINVAL)
            fail_msg("\"%s\" accepted", refused[i]);
        assert_mask(m, start, refused[i]);
    }
}

/* Bytes after the length are ignored, those before it are not. */
static void test_length_decides(void **state)
{
    struct mask256 m = MASK(9);

    assert_int_equal(mask256_parse("0x41", 3, &m), 0);
    assert_mask(m, MASK(1), "0x4");
    assert_int_equal(mask256_parse("+12", 2, &m), 0);
    assert_mask(m, MASK(1), "+1");
    assert_int_equal(mask256_parse("+0x41", 2, &m), 0);
    assert_mask(m, MASK(0, 1), "+0");
    m = MASK(1);
    assert_int_equal(mask256_parse("+1-3", 3, &m), -EINVAL);
    assert_int_equal(mask256_parse("0x41\0", 5, &m), -EINVAL);
    assert_int_equal(mask256_parse("+1\0", 3, &m), -EINVAL);
    assert_int_equal(mask256_parse("\0", 1, &m), -EINVAL);
    assert_int_equal(mask256_parse("+0x41", 3, &m), -EINVAL);
    assert_mask(m, MASK(1), "unchanged");
}

static void test_absolute_only(void **state)
{
    struct mask256 m = MASK(9);

    assert_int_equal(mask256_parse_absolute("+1", 2, &m), -EINVAL);
    assert_int_equal(mask256_parse_absolute("-1", 2, &m), -EINVAL);
    assert_int_equal(mask256_parse_absolute("0X1", 3, &m), -EINVAL);
    assert_mask(m, MASK(9), "unchanged");
    assert_int_equal(mask256_parse_absolute("", 0, &m), 0);
    assert_true(mask256_empty(&m));
    assert_int_equal(mask256_parse_absolute("0x8", 3, &m), 0);
    assert_mask(m, MASK(0), "0x8");
}

static void test_kernel_parameter(void **state)
{
    struct mask256 m = mask256_ones();

    assert_int_equal(mask256_parse_parameter("-5", &m), 0);
    assert_true(mask256_empty(&m));
    assert_int_equal(mask256_parse_parameter("+0-255,-4", &m), 0);
    assert_mask(m, mask256_andnot(mask256_ones(), MASK(4)), "+0-255,-4");
    assert_int_equal(mask256_parse_parameter("0x8", &m), 0);
    assert_mask(m, MASK(0), "0x8");
    assert_int_equal(mask256_parse_parameter("+1,+x", &m), -EINVAL);
    assert_true(mask256_empty(&m));
}

static void test_format_parse_round_trip(void **state)
{
    uint64_t random = 88172645463325252u;

    for (int i = 0; i < 1000; i++) {
        struct mask256 m, again = MASK(1);
        char text[MASK256_TEXT];

        for (int k = 0; k < 4; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            m.w[k] = random;
        }
        mask256_format(&m, text);
        assert_int_equal(mask256_parse(text, strlen(text), &again), 0);
        assert_mask(again, m, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_at_word_borders),    cmocka_unit_test(test_next),
        cmocka_unit_test(test_set_operations),          cmocka_unit_test(test_format),
        cmocka_unit_test(test_absolute_is_accepted),    cmocka_unit_test(test_relative_is_accepted),
        cmocka_unit_test(test_grammar_refuses),         cmocka_unit_test(test_length_decides),
        cmocka_unit_test(test_absolute_only),           cmocka_unit_test(test_kernel_parameter),
        cmocka_unit_test(test_format_parse_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
