/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/abi.h"

#include "unit.h"

static void test_names(void **state)
{
    static const char *const wrong[] = {"", "Seed", "seed ", "upstreams", "linux", "0"};
    enum abi_profile p = ABI_PROFILES;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(abi_parse(wrong[i], &p), -EINVAL);
        assert_int_equal(p, ABI_PROFILES);
    }
    assert_int_equal(abi_parse("upstream", &p), 0);
    assert_int_equal(p, ABI_UPSTREAM);
    assert_int_equal(abi_parse("seed", &p), 0);
    assert_int_equal(p, ABI_SEED);
    for (int i = 0; i < ABI_PROFILES; i++) {
        assert_int_equal(abi_parse(abi_get((enum abi_profile)i)->name, &p), 0);
        assert_int_equal(p, i);
    }
}

/* The rows of spec 5 that the table carries. */
static void test_differences(void **state)
{
    const struct abi *seed = abi_get(ABI_SEED), *upstream = abi_get(ABI_UPSTREAM);

    assert_int_equal(seed->veto_errno, EADDRINUSE);
    assert_int_equal(upstream->veto_errno, EBUSY);
    assert_false(seed->veto_by_new_bits);
    assert_true(upstream->veto_by_new_bits);
    assert_false(seed->guest_matrix_always);
    assert_true(upstream->guest_matrix_always);
    assert_false(seed->remove_waits);
    assert_true(upstream->remove_waits);
    assert_int_equal(seed->instances_errno, EPERM);
    assert_int_equal(upstream->instances_errno, EUSERS);
    assert_int_equal(seed->depth_bias, 0);
    assert_int_equal(upstream->depth_bias, 1);
    assert_true(seed->standby_withheld);
    assert_false(upstream->standby_withheld);
    assert_true(seed->old_types);
    assert_false(upstream->old_types);
    assert_int_equal(seed->matrix_limit, 0);
    assert_int_equal(upstream->matrix_limit, 4095);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_differences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
