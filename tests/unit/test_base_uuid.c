/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"

#include "unit.h"

#define SAMPLE "669d9b23-fe1b-4ecb-be08-a2fabca99b71"

static void test_round_trip(void **state)
{
    static const char *const texts[] = {
        SAMPLE,
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "01234567-89ab-cdef-0123-456789abcdef",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct uuid u;
        char out[UUID_TEXT];

        memset(&u, 0x55, sizeof u);
        assert_int_equal(uuid_parse(texts[i], 36, &u), 0);
        uuid_format(&u, out);
        assert_string_equal(out, texts[i]);
    }
}

static void test_bytes_follow_the_text(void **state)
{
    struct uuid u;

    assert_int_equal(uuid_parse("00112233-4455-6677-8899-aabbccddeeff", 36, &u), 0);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(u.bytes[i], i * 0x11);
}

static void test_upper_case_is_folded(void **state)
{
    struct uuid lower, upper;
    char out[UUID_TEXT];

    assert_int_equal(uuid_parse(SAMPLE, 36, &lower), 0);
    assert_int_equal(uuid_parse("669D9B23-FE1B-4ecb-BE08-A2FABCA99B71", 36, &upper), 0);
    assert_true(uuid_equal(&lower, &upper));
    assert_int_equal(uuid_hash(&lower), uuid_hash(&upper));
    uuid_format(&upper, out);
    assert_string_equal(out, SAMPLE);
}

/* [matrix-create]: the attribute itself drops a 37th byte; the parser wants exactly 36. */
static void test_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "669d9b23",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b7",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b711",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b71\n",
        "669d9b23fe1b4ecbbe08a2fabca99b71",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b7g",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b7-",
        "669d9b23_fe1b_4ecb_be08_a2fabca99b71",
        "669d9b2-3fe1b-4ecb-be08-a2fabca99b71",
        "{669d9b23-fe1b-4ecb-be08-a2fabca99b7",
        " 669d9b23-fe1b-4ecb-be08-a2fabca99b7",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b7 ",
        "0x669d9b-fe1b-4ecb-be08-a2fabca99b71",
        "669d9b23-fe1b-4ecb-be08-a2fabca99b7\x11",
    };
    struct uuid u, before;

    memset(&before, 0x55, sizeof before);
    u = before;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (uuid_parse(rows[i], strlen(rows[i]), &u) != -EINVAL)
            fail_msg("\"%s\" accepted", rows[i]);
        assert_true(uuid_equal(&u, &before));
    }
    assert_int_equal(uuid_parse("669d9b23-fe1b-4ecb-be08-a2fabca99b7\0", 36, &u), -EINVAL);
    assert_true(uuid_equal(&u, &before));
}

static void test_equality_and_hash(void **state)
{
    struct uuid a, b;

    assert_int_equal(uuid_parse(SAMPLE, 36, &a), 0);
    for (unsigned bit = 0; bit < 128; bit++) {
        b = a;
        b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(uuid_equal(&a, &b));
        assert_int_not_equal(uuid_hash(&a), uuid_hash(&b));
    }
    /* FNV-1a of 16 zero bytes, computed independently. The order in recordings depends on it. */
    memset(&b, 0, sizeof b);
    assert_int_equal(uuid_hash(&b), 0x69691905u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),           cmocka_unit_test(test_bytes_follow_the_text),
        cmocka_unit_test(test_upper_case_is_folded), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_equality_and_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
