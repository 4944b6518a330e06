/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core_world.h"
#include "store/counts.h"

/* What queues and guests have counted, in a file. */

#define QN AP_QN(5, 4)

static void restore(struct world *w, const char *text)
{
    text_auto why = {0};

    assert_int_equal(counts_restore(w->core, text, strlen(text), &why), 0);
    assert_int_equal(why.len, 0);
}

static void test_round_trip(void **state)
{
    struct world *w = *state;
    struct ap_counts before = core_queue_counts(w->core, QN), counts;
    struct guest_info guest_info;
    text_auto first = {0};

    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", NULL), 0);
    restore(w, "apus-counts 1\nqueue 9 8 7 6 5 4 03:2,42:18446744073709551615 05.0004\n"
               "guest 1 2 3 0 4 5 05:6 Guest1\nguest 1 2 3 0 4 5 - gone with the wind\nend\n");
    counts = core_queue_counts(w->core, QN);
    assert_int_equal(counts.requests, 9);
    assert_int_equal(counts.replies, 8);
    assert_int_equal(counts.errors, 7);
    assert_int_equal(counts.lost, 6);
    assert_int_equal(counts.resets, before.resets + 5);
    assert_int_equal(counts.zeroized, before.zeroized); /* the state has it */
    assert_int_equal(core_guest_info(w->core, 0, &guest_info), 0);
    assert_int_equal(guest_info.counts.zeroized, 5);
    counts_format(w->core, &first);
    assert_non_null(strstr(first.data, "03:2,42:18446744073709551615 05.0004\n"));
    assert_non_null(strstr(first.data, "guest 1 2 3 0 4 5 05:6 Guest1\n"));
    assert_null(strstr(first.data, "gone"));
}

/* A queue that has only been reset and is no longer in the LPAR: it may come back. */
static void test_a_queue_that_has_gone(void **state)
{
    struct world *w = *state;
    text_auto kept = {0};
    uint64_t resets;

    for (unsigned apid = 4; apid <= 6; apid++)
        assert_int_equal(se_adapter(w, apid, false), 0);
    assert_int_equal(se_lpar(w, LPAR_ADAPTER, 5, false), 0);
    resets = core_queue_counts(w->core, QN).resets;
    assert_true(resets > 0);
    counts_format(w->core, &kept);
    assert_non_null(strstr(kept.data, " 05.0004\n"));
    restore(w, kept.data);
    assert_int_equal(core_queue_counts(w->core, QN).resets, 2 * resets);
}

static void damaged(struct world *w, const char *text)
{
    text_auto why = {0}, before = {0}, after = {0};

    counts_format(w->core, &before);
    assert_int_equal(counts_restore(w->core, text, strlen(text), &why), -EINVAL);
    assert_non_null(strstr(why.data, "counters start anew"));
    counts_format(w->core, &after);
    assert_string_equal(before.data, after.data);
}

static void test_damaged(void **state)
{
    struct world *w = *state;

    damaged(w, "");
    damaged(w, "apus-counts 2\nend\n");
    damaged(w, "apus-counts 1\n");
    damaged(w, "apus-counts 1\nend");
    damaged(w, "apus-counts 1\nend\nend\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 4 - 05.0004\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 4 - 05.0004\nqueue 1\nend\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 4 - 5.4\nend\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 4 - \nend\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 4 00:1 05.0004\nend\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 4 03:1, 05.0004\nend\n");
    damaged(w, "apus-counts 1\nqueue 9 8 7 6 5 18446744073709551616 - 05.0004\nend\n");
    damaged(w, "apus-counts 1\nadapter 9 8 7 6 5 4 - 05\nend\n");
    damaged(w, "apus-counts 1\n\nend\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_queue_that_has_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
