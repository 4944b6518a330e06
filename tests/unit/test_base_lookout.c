/* SPDX-License-Identifier: MIT */
/* When who serves looks for the next request before it sleeps. */
#include "base/lookout.h"

#include "unit.h"

/* Requests that follow each answer after `gap`; returns the time. */
static uint64_t requests(struct lookout *l, unsigned count, uint64_t gap, uint64_t now)
{
    while (count--) {
        now += gap;
        lookout_arrived(l, now);
        lookout_served(l, now);
    }
    return now;
}

static void single_requests_are_not_waited_for(void **state)
{
    struct lookout l = {.trust = LOOKOUT_TRUST_MAX};

    requests(&l, 1000, LOOKOUT_SOON_NS, 0);
    assert_false(lookout_pays(&l));
}

static void a_row_of_requests_is_followed(void **state)
{
    struct lookout l = {0};
    uint64_t now = requests(&l, LOOKOUT_PATIENCE_MIN, LOOKOUT_SOON_NS - 1, LOOKOUT_SOON_NS);

    assert_false(lookout_pays(&l));
    now = requests(&l, 1, LOOKOUT_SOON_NS - 1, now);
    assert_true(lookout_pays(&l));
    lookout_tell(&l, true);
    assert_true(lookout_pays(&l));
    requests(&l, 1, LOOKOUT_SOON_NS, now);
    assert_false(lookout_pays(&l));
}

/* Program and daemon on one CPU. */
static void where_nothing_ever_comes_it_is_tried_seldom(void **state)
{
    struct lookout l = {0};
    unsigned looked = 0;
    uint64_t now = LOOKOUT_SOON_NS;

    for (unsigned i = 0; i < 20 * LOOKOUT_PATIENCE_MAX; i++) {
        now = requests(&l, 1, 1000, now);
        if (lookout_pays(&l)) {
            lookout_tell(&l, false);
            looked++;
        }
    }
    assert_true(looked >= 20 && looked <= 40);
}

/* Requests that come at most times: of 1,000 in a row nearly all are looked for. */
static void a_miss_now_and_then_changes_little(void **state)
{
    struct lookout l = {0};
    unsigned looked = 0;
    uint64_t now = LOOKOUT_SOON_NS;

    for (unsigned i = 0; i < 1000; i++) {
        now = requests(&l, 1, 1000, now);
        if (lookout_pays(&l)) {
            lookout_tell(&l, i % 10 != 0);
            looked++;
        }
    }
    assert_true(looked >= 950 && looked <= 1000);
}

static void the_end_of_a_row_is_noticed_at_once(void **state)
{
    struct lookout l = {.row = 100, .trust = LOOKOUT_TRUST_MAX};

    lookout_tell(&l, false);
    assert_false(lookout_pays(&l));
}

static void one_that_comes_makes_it_ready_again(void **state)
{
    struct lookout l = {.patience = LOOKOUT_PATIENCE_MAX, .row = LOOKOUT_PATIENCE_MAX};

    assert_true(lookout_pays(&l));
    lookout_tell(&l, true);
    lookout_tell(&l, false);
    assert_false(lookout_pays(&l));
    requests(&l, 1 + LOOKOUT_PATIENCE_MIN, 1000, LOOKOUT_SOON_NS);
    assert_true(lookout_pays(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_requests_are_not_waited_for),
        cmocka_unit_test(a_row_of_requests_is_followed),
        cmocka_unit_test(where_nothing_ever_comes_it_is_tried_seldom),
        cmocka_unit_test(a_miss_now_and_then_changes_little),
        cmocka_unit_test(the_end_of_a_row_is_noticed_at_once),
        cmocka_unit_test(one_that_comes_makes_it_ready_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
