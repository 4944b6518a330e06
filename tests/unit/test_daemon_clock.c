/* SPDX-License-Identifier: MIT */
/* Timers on both clocks. */
#include <errno.h>

#include "daemon/clock.h"

#include "unit.h"

#define SECOND UINT64_C(1000000000)

struct rig {
    struct daemon_clock clock;
    struct {
        uint32_t id;
        uint64_t at;
    } fired[16];
    unsigned count;
    uint64_t again; /* the timer sets itself again after this time; 0: it does not */
};

static void fire(void *data, uint32_t id)
{
    struct rig *r = data;

    if (r->count < ARRAY_LEN(r->fired)) {
        r->fired[r->count].id = id;
        r->fired[r->count].at = clock_now(&r->clock);
    }
    r->count++;
    if (r->again)
        clock_set_timer(&r->clock, id, clock_now(&r->clock) + r->again);
}

static void test_virtual_timers_fire_in_order_at_their_time(void **state)
{
    struct rig r = {0};

    assert_int_equal(clock_init(&r.clock, NULL, true, fire, &r), 0);
    assert_int_equal(clock_now(&r.clock), 0);
    clock_set_timer(&r.clock, 7, 3 * SECOND);
    clock_set_timer(&r.clock, 9, 2 * SECOND);
    clock_set_timer(&r.clock, 8, 2 * SECOND);
    clock_set_timer(&r.clock, 5, SECOND);
    clock_set_timer(&r.clock, 5, 0);
    clock_set_timer(&r.clock, 4, 0);
    clock_set_timer(&r.clock, 7, 4 * SECOND);
    assert_int_equal(clock_advance(&r.clock, 3 * SECOND), 0);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.fired[0].id, 8);
    assert_int_equal(r.fired[1].id, 9);
    assert_int_equal(r.fired[1].at, 2 * SECOND);
    assert_int_equal(clock_now(&r.clock), 3 * SECOND);
    assert_int_equal(clock_advance(&r.clock, SECOND), 0);
    assert_int_equal(r.count, 3);
    assert_int_equal(r.fired[2].at, 4 * SECOND);
    clock_done(&r.clock);
}

static void test_a_timer_that_sets_itself_again(void **state)
{
    struct rig r = {.again = 30 * SECOND};

    clock_init(&r.clock, NULL, true, fire, &r);
    clock_set_timer(&r.clock, 1, 30 * SECOND);
    assert_int_equal(clock_advance(&r.clock, 100 * SECOND), 0);
    assert_int_equal(r.count, 3);
    assert_int_equal(r.fired[2].at, 90 * SECOND);
    clock_done(&r.clock);
}

static void test_a_storm_of_timers_ends(void **state)
{
    struct rig r = {.again = 1};

    clock_init(&r.clock, NULL, true, fire, &r);
    clock_set_timer(&r.clock, 1, 1);
    assert_int_equal(clock_advance(&r.clock, 3600 * SECOND), -EBUSY);
    assert_true(clock_now(&r.clock) < SECOND);
    clock_done(&r.clock);
}

static void test_real_timers(void **state)
{
    struct rig r = {0};
    sd_event *event;

    assert_true(sd_event_new(&event) >= 0);
    assert_true(clock_init(&r.clock, event, false, fire, &r) >= 0);
    clock_set_timer(&r.clock, 2, clock_now(&r.clock) + SECOND / 100);
    clock_set_timer(&r.clock, 3, clock_now(&r.clock) + SECOND / 200);
    clock_set_timer(&r.clock, 4, clock_now(&r.clock) + 3600 * SECOND);
    while (r.count < 2)
        assert_true(sd_event_run(event, 5000000) > 0);
    assert_int_equal(r.fired[0].id, 3);
    assert_int_equal(r.fired[1].id, 2);
    clock_done(&r.clock);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virtual_timers_fire_in_order_at_their_time),
        cmocka_unit_test(test_a_timer_that_sets_itself_again),
        cmocka_unit_test(test_a_storm_of_timers_ends),
        cmocka_unit_test(test_real_timers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
