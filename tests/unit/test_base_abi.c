/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/abi.h"

#include "unit.h"

static void test_names(void **state)
{
    static const char *const wrong[] = {"", "Proposal", "seed ", "upstreams", "linux", "0"};
    enum abi_profile p = ABI_PROFILES;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(abi_parse(wrong[i], &p), -EINVAL);
        assert_int_equal(p, ABI_PROFILES);
    }
    assert_int_equal(abi_parse("upstream", &p), 0);
    assert_int_equal(p, ABI_UPSTREAM);
    assert_int_equal(abi_parse("proposal", &p), 0);
    assert_int_equal(p, ABI_PROPOSAL);
    p = ABI_PROFILES;
    assert_int_equal(abi_parse("seed", &p), 0); /* the former name */
    assert_int_equal(p, ABI_PROPOSAL);
    assert_string_equal(abi_get(ABI_PROPOSAL)->name, "proposal");
    for (int i = 0; i < ABI_PROFILES; i++) {
        assert_int_equal(abi_parse(abi_get((enum abi_profile)i)->name, &p), 0);
        assert_int_equal(p, i);
    }
}

/* The values of the table, row by row. */
static void test_differences(void **state)
{
    const struct abi *proposal = abi_get(ABI_PROPOSAL), *upstream = abi_get(ABI_UPSTREAM);

    assert_int_equal(proposal->veto_errno, EADDRINUSE);
    assert_int_equal(upstream->veto_errno, EBUSY);
    assert_false(proposal->veto_by_new_bits);
    assert_true(upstream->veto_by_new_bits);
    assert_false(proposal->guest_matrix_always);
    assert_true(upstream->guest_matrix_always);
    assert_false(proposal->remove_waits);
    assert_true(upstream->remove_waits);
    assert_int_equal(proposal->instances_errno, EPERM);
    assert_int_equal(upstream->instances_errno, EUSERS);
    assert_int_equal(proposal->depth_bias, 0);
    assert_int_equal(upstream->depth_bias, 1);
    assert_true(proposal->standby_withheld);
    assert_false(upstream->standby_withheld);
    assert_true(proposal->recompute_always);
    assert_false(upstream->recompute_always);
    assert_false(proposal->update_at_once);
    assert_true(upstream->update_at_once);
    assert_false(proposal->one_change_a_scan);
    assert_true(upstream->one_change_a_scan);
    assert_false(proposal->unbound_is_default);
    assert_true(upstream->unbound_is_default);
    assert_true(proposal->old_types);
    assert_false(upstream->old_types);
    assert_false(proposal->modeless_cards);
    assert_true(upstream->modeless_cards);
    assert_int_equal(proposal->matrix_limit, 0);
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
