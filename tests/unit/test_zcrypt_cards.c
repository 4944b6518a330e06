/* SPDX-License-Identifier: MIT */
#include "bus_world.h"

/* zcrypt's cards and the queues that belong to them [zcrypt-belonging], and what the status ioctls
 * tell of them [zcrypt-status]. */

#define CARD   "devices/ap/card05/"
#define QUEUES "bus/ap/drivers/" DEFAULT_DRIVER "/"
#define CARDS  "bus/ap/drivers/cex4card/"

static bool matrix_online(struct bus_world *w, ap_qn qn)
{
    struct zcrypt_status status;

    zcrypt_device_status(w->zcrypt, qn, &status);
    assert_int_not_equal(status.type, 0);
    return status.online;
}

static bool in_matrix(struct bus_world *w, ap_qn qn)
{
    struct zcrypt_status status;

    zcrypt_device_status(w->zcrypt, qn, &status);
    return status.type;
}

/* A card's queues follow it in the order in which they were bound. */
static void queues_follow_as_they_were_bound(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, QUEUES "unbind", "05.0004"), 0);
    assert_int_equal(put(w, QUEUES "bind", "05.0004"), 0);
    assert_int_equal(put(w, CARD "online", "0"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "change ap/card05\nchange ap/card05/05.0047\nchange ap/card05/05.0004\n");
    assert_int_equal(put(w, CARD "online", "0"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT), "change ap/card05\n");
    assert_string_equal(get(w, CARD "05.0004/online"), "0\n");
}

/* They stay with what the card was when it was unbound. */
static void a_card_that_was_unbound_has_no_queues(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_true(in_matrix(w, AP_QN(5, 4)));
    assert_int_equal(put(w, CARDS "unbind", "card05"), 0);
    assert_false(in_matrix(w, AP_QN(5, 4)));
    assert_int_equal(put(w, CARD "05.0004/online", "0"), 0);
    assert_int_equal(put(w, CARD "05.0004/online", "1"), 0);
    assert_int_equal(put(w, CARDS "bind", "card05"), 0);
    assert_int_equal(put(w, CARD "online", "0"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT), "change ap/card05\n");
    assert_string_equal(get(w, CARD "05.0004/online"), "1\n");
    assert_int_equal(put(w, CARD "05.0004/online", "1"), 0);
    assert_false(in_matrix(w, AP_QN(5, 4)));
    assert_int_equal(put(w, QUEUES "unbind", "05.0004"), 0);
    assert_int_equal(put(w, QUEUES "bind", "05.0004"), 0);
    assert_true(in_matrix(w, AP_QN(5, 4)));
    assert_false(in_matrix(w, AP_QN(5, 0x47)));
    assert_int_equal(put(w, CARD "online", "1"), 0);
    assert_int_equal(put(w, CARD "online", "0"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "change ap/card05\nchange ap/card05/05.0004\n");
}

static void a_card_that_was_offline_stays_so_for_its_queues(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, CARD "online", "0"), 0);
    assert_int_equal(put(w, CARDS "unbind", "card05"), 0);
    assert_int_equal(put(w, CARDS "bind", "card05"), 0);
    assert_string_equal(get(w, CARD "online"), "1\n");
    assert_int_equal(put(w, CARD "05.0004/online", "1"), -EINVAL);
    assert_int_equal(put(w, QUEUES "unbind", "05.0004"), 0);
    assert_int_equal(put(w, QUEUES "bind", "05.0004"), 0);
    assert_int_equal(put(w, CARD "05.0004/online", "1"), 0);
}

/* Queues that were there first belong to the card once it is bound. */
static void a_card_that_is_bound_late_has_its_queues(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/drivers_autoprobe", "0"), 0);
    scan(w);
    assert_int_equal(put(w, QUEUES "bind", "05.0004"), 0);
    assert_false(in_matrix(w, AP_QN(5, 4)));
    assert_int_equal(put(w, CARDS "bind", "card05"), 0);
    assert_true(in_matrix(w, AP_QN(5, 4)));
}

/* The ioctls tell what was written to online, whether the adapter works or not. */
static void standby_is_not_offline_to_the_ioctls(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(zcrypt_default_domain(w->zcrypt), 4);
    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    assert_string_equal(get(w, CARD "05.0004/online"), "0\n");
    assert_true(matrix_online(w, AP_QN(5, 4)));
    assert_int_equal(zcrypt_card_status(w->zcrypt, 5), 7);
    assert_int_equal(put(w, CARD "05.0004/online", "0"), 0);
    assert_false(matrix_online(w, AP_QN(5, 4)));
    assert_true(matrix_online(w, AP_QN(5, 0x47)));
    assert_int_equal(put(w, CARD "online", "0"), 0);
    assert_false(matrix_online(w, AP_QN(5, 0x47)));
    assert_int_equal(zcrypt_card_status(w->zcrypt, 5), 0x0d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queues_follow_as_they_were_bound),
        TEST(a_card_that_was_unbound_has_no_queues),
        TEST(a_card_that_was_offline_stays_so_for_its_queues),
        TEST(a_card_that_is_bound_late_has_its_queues),
        TEST(standby_is_not_offline_to_the_ioctls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
