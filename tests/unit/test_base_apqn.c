/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/apqn.h"

#include "unit.h"

static void test_all_round_trip(void **state)
{
    for (unsigned qn = 0; qn < AP_APQNS; qn++) {
        char text[AP_QN_TEXT], want[16];
        ap_qn back = (ap_qn)~qn;

        ap_qn_format((ap_qn)qn, text);
        snprintf(want, sizeof want, "%02x.%04x", qn >> 8, qn & 255);
        assert_string_equal(text, want);
        assert_int_equal(ap_qn_parse(text, &back), 0);
        assert_int_equal(back, qn);
    }
}

static void test_parts(void **state)
{
    assert_int_equal(AP_QN(0x0a, 0x47), 0x0a47);
    assert_int_equal(AP_QN_APID(AP_QN(0xfe, 0x01)), 0xfe);
    assert_int_equal(AP_QN_APQI(AP_QN(0xfe, 0x01)), 0x01);
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "",          "0a",      "0a.",     "0a.47",   "0a.0047 ", " a.0047", "0A.0047", "0a.00Ff",
        "0a.0100",   "0a.1047", "0a-0047", "a.0047",  "0a.00047", "0a.004",  "0g.0047", "0a.004g",
        "0a.0047\n", "00a.047", "card0a",  "0x.0047", "0a:0047",  "0a.+047",
    };
    ap_qn qn = 0x1234;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (ap_qn_parse(rows[i], &qn) != -EINVAL)
            fail_msg("\"%s\" accepted", rows[i]);
        assert_int_equal(qn, 0x1234);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_round_trip),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
