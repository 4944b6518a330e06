/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core_world.h"
#include "plan/plan.h"

/* A plan that nobody waits for any more. */

static int make(const struct world *from, const struct world *to, struct plan *plan)
{
    text_auto why = {0};
    int rc = plan_make(from->core, to->core, false, plan, &why);

    plan_done(plan);
    return rc;
}

static void test_an_abandoned_plan_ends(void **state)
{
    struct world *w = *state, *other;
    void *more = NULL;
    struct plan plan;
    atomic_bool flag = false;

    set_up(&more);
    other = more;
    secure_and_create(other);
    plan_abandon_on(&flag);
    assert_int_equal(make(w, other, &plan), 0);
    atomic_store(&flag, true);
    assert_true(make(w, other, &plan) < 0);
    plan_abandon_on(NULL);
    assert_int_equal(make(w, other, &plan), 0);
    tear_down(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_an_abandoned_plan_ends)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
