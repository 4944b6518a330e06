/* SPDX-License-Identifier: MIT */
#include "base/slots.h"
#include "unit.h"

#define MANY 1000u

static int things[MANY];

static void test_a_number_finds_its_object(void **state)
{
    struct slots s = {0};
    uint64_t id[MANY];

    for (unsigned i = 0; i < MANY; i++)
        id[i] = slots_add(&s, &things[i]);
    assert_int_equal(s.count, MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(slots_get(&s, id[i]), &things[i]);
    slots_done(&s);
    assert_null(slots_get(&s, id[0]));
}

static void test_what_was_never_given_out_names_nothing(void **state)
{
    struct slots s = {0};

    assert_null(slots_get(&s, 0));
    slots_remove(&s, 5);
    slots_add(&s, &things[0]);
    assert_null(slots_get(&s, 0));
    assert_null(slots_get(&s, 1));
    assert_null(slots_get(&s, UINT64_C(1) << 32 | 63));
    assert_null(slots_get(&s, UINT64_C(1) << 32 | 64));
    assert_null(slots_get(&s, UINT64_MAX));
    slots_done(&s);
}

static void test_a_stale_number_does_no_harm(void **state)
{
    struct slots s = {0};
    uint64_t first = slots_add(&s, &things[0]), second;

    slots_remove(&s, first);
    assert_null(slots_get(&s, first));
    second = slots_add(&s, &things[1]);
    assert_int_equal((uint32_t)second, (uint32_t)first);
    assert_int_not_equal(second, first);
    slots_remove(&s, first);
    assert_ptr_equal(slots_get(&s, second), &things[1]);
    assert_ptr_equal(slots_at(&s, 0), &things[1]);
    assert_null(slots_at(&s, 1));
    assert_null(slots_at(&s, 64));
    assert_null(slots_at(&s, UINT32_MAX));
    assert_int_equal(s.count, 1);
    slots_done(&s);
}

/* Slot numbers are stored in recordings, so their order must not change. */
static void test_the_lowest_free_slot_is_next(void **state)
{
    struct slots s = {0};
    uint64_t id[200];

    for (unsigned i = 0; i < 200; i++) {
        id[i] = slots_add(&s, &things[i]);
        assert_int_equal(id[i], UINT64_C(1) << 32 | i);
    }
    slots_remove(&s, id[150]);
    slots_remove(&s, id[3]);
    slots_remove(&s, id[70]);
    assert_int_equal(slots_add(&s, &things[0]), UINT64_C(2) << 32 | 3);
    assert_int_equal(slots_add(&s, &things[0]), UINT64_C(2) << 32 | 70);
    assert_int_equal(slots_add(&s, &things[0]), UINT64_C(2) << 32 | 150);
    assert_int_equal(slots_add(&s, &things[0]), UINT64_C(1) << 32 | 200);
    slots_done(&s);
}

static void test_objects_one_after_another(void **state)
{
    struct slots s = {0};
    uint64_t id[100];
    unsigned seen = 0;
    int *thing;

    slots_foreach (&s, thing)
        fail();
    for (unsigned i = 0; i < 100; i++)
        id[i] = slots_add(&s, &things[i]);
    for (unsigned i = 0; i < 100; i += 2)
        slots_remove(&s, id[i]);
    slots_foreach (&s, thing) {
        assert_ptr_equal(thing, &things[2 * seen + 1]);
        slots_remove(&s, id[2 * seen + 1]);
        seen++;
    }
    assert_int_equal(seen, 50);
    assert_int_equal(s.count, 0);
    slots_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_number_finds_its_object),
        cmocka_unit_test(test_what_was_never_given_out_names_nothing),
        cmocka_unit_test(test_a_stale_number_does_no_harm),
        cmocka_unit_test(test_the_lowest_free_slot_is_next),
        cmocka_unit_test(test_objects_one_after_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
