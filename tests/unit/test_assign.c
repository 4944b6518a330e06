/* SPDX-License-Identifier: MIT */
#include "vfio_world.h"

/* What can be assigned to a mediated device: each APQN has one owner. */

static void what_is_zcrypts_cannot_be_assigned(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), -EADDRNOTAVAIL);
    assert_non_null(strstr(effects_of(w, EFFECT_LOG),
                           UUID1 ": assign_adapter 0x05 refused (EADDRNOTAVAIL): APQN 05.0004 is "
                                 "reserved for the zcrypt drivers"));
    assert_string_equal(product(mdev_assigned(mdev_of(UUID1))), "/ 4");
    assert_null(vfio_ap_owner(vfio, AP_QN(5, 4)));
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_ptr_equal(vfio_ap_owner(vfio, AP_QN(5, 4)), mdev_of(UUID1));
}

/* An override alone gives nothing away: the queue has to be bound. */
static void an_override_is_not_enough(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/aqmask", "+0-255"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", "vfio_ap"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), -EADDRNOTAVAIL);
    assert_int_equal(put(w, "bus/ap/drivers/cex4queue/unbind", "05.0004"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), -EADDRNOTAVAIL);
    assert_non_null(strstr(effects_of(w, EFFECT_LOG), "bind it to vfio_ap first"));
    assert_int_equal(put(w, "bus/ap/drivers/vfio_ap/bind", "05.0004"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
}

static void what_another_device_has_cannot_be_assigned(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "0x47"), 0);
    assert_int_equal(assign(w, UUID2, "assign_adapter", "4"), 0);
    assert_int_equal(assign(w, UUID2, "assign_domain", "0x47"), 0);
    assert_int_equal(assign(w, UUID2, "assign_adapter", "5"), -EADDRINUSE);
    assert_non_null(strstr(effects_of(w, EFFECT_LOG),
                           UUID2 ": assign_adapter 0x05 refused (EADDRINUSE): APQN 05.0047 is "
                                 "assigned to " UUID1));
    assert_string_equal(product(mdev_assigned(mdev_of(UUID2))), "4 / 71");
    assert_ptr_equal(vfio_ap_owner(vfio, AP_QN(5, 0x47)), mdev_of(UUID1));
    assert_ptr_equal(vfio_ap_owner(vfio, AP_QN(4, 0x47)), mdev_of(UUID2));
    assert_null(vfio_ap_owner(vfio, AP_QN(4, 4)));
}

/* The same by domain: each queue of the product that has another owner is named. */
static void every_conflict_is_named(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID2, "assign_adapter", "4"), 0);
    assert_int_equal(assign(w, UUID2, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID2, "assign_domain", "4"), -EADDRINUSE);
    assert_non_null(
        strstr(effects_of(w, EFFECT_LOG), "APQNs 04.0004, 05.0004 are assigned to " UUID1));
    assert_int_equal(assign(w, UUID2, "assign_domain", "0x47"), 0);
}

/* Adapters without domains, domains without adapters, and control domains have no owner. */
static void only_products_conflict(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID2, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_control_domain", "4"), 0);
    assert_int_equal(assign(w, UUID2, "assign_control_domain", "4"), 0);
    assert_null(vfio_ap_owner(vfio, AP_QN(5, 4)));
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID2, "assign_domain", "0x47"), 0);
}

static void what_a_device_has_it_can_assign_again(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "0x47"), 0);
    assert_string_equal(product(mdev_assigned(mdev_of(UUID1))), "5 / 4 71");
}

static void what_is_given_up_is_free(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "0x47"), 0);
    assert_int_equal(assign(w, UUID2, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID2, "assign_domain", "4"), -EADDRINUSE);
    assert_int_equal(assign(w, UUID1, "unassign_domain", "4"), 0);
    assert_null(vfio_ap_owner(vfio, AP_QN(5, 4)));
    assert_ptr_equal(vfio_ap_owner(vfio, AP_QN(5, 0x47)), mdev_of(UUID1));
    assert_int_equal(assign(w, UUID2, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID2, "assign_domain", "0x47"), -EADDRINUSE);
    assert_int_equal(assign(w, UUID1, "remove", "1"), 0);
    assert_null(vfio_ap_owner(vfio, AP_QN(5, 0x47)));
    assert_int_equal(assign(w, UUID2, "assign_domain", "0x47"), 0);
}

static void numbers_are_checked_first(void **state)
{
    static const struct {
        const char *id;
        int result;
    } wrong[] = {{"", 0},          {"x", -EINVAL},     {"-1", -EINVAL},
                 {"256", -ENODEV}, {"0x100", -ENODEV}, {"99999999999999999999", -ERANGE}};
    struct bus_world *w = *state;

    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(assign(w, UUID1, "assign_adapter", wrong[i].id), wrong[i].result);
        assert_int_equal(assign(w, UUID1, "assign_control_domain", wrong[i].id), wrong[i].result);
        assert_int_equal(assign(w, UUID1, "unassign_domain", wrong[i].id), wrong[i].result);
    }
    assert_string_equal(product(mdev_assigned(mdev_of(UUID1))), "/");
    w->hw.qci.max_adapter = 5;
    scan(w);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "6"), -ENODEV);
    assert_int_equal(assign(w, UUID1, "assign_domain", "6"), 0);
}

/* The masks cannot take assigned queues back for zcrypt. */
static void masks_cannot_take_what_is_assigned(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), -EADDRINUSE);
    assert_non_null(strstr(effects_of(w, EFFECT_LOG), "APQN 05.0004 is assigned to " UUID1));
    assert_int_equal(put(w, "bus/ap/aqmask", "+0x47"), 0);
    assert_int_equal(assign(w, UUID1, "unassign_adapter", "5"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VFIO_TEST(what_is_zcrypts_cannot_be_assigned),
        VFIO_TEST(an_override_is_not_enough),
        VFIO_TEST(what_another_device_has_cannot_be_assigned),
        VFIO_TEST(every_conflict_is_named),
        VFIO_TEST(only_products_conflict),
        VFIO_TEST(what_a_device_has_it_can_assign_again),
        VFIO_TEST(what_is_given_up_is_free),
        VFIO_TEST(numbers_are_checked_first),
        VFIO_TEST(masks_cannot_take_what_is_assigned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
