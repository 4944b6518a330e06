/* SPDX-License-Identifier: MIT */
#include "vfio_world.h"

/* Which part of its mediated device's matrix a guest gets. */

static struct vfio_ap_guest guest;

/* Adapters 4 and 5 with both domains are assigned to the first device, and a guest has it. */
static struct bus_world *with_guest(void **state)
{
    struct bus_world *w = *state;

    guest = (struct vfio_ap_guest){.hw.features = GUEST_AP, .number = 1, .name = "Guest1"};
    assert_int_equal(assign(w, UUID1, "assign_adapter", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "4"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "0x47"), 0);
    forget(w);
    assert_int_equal(vfio_ap_attach(vfio, mdev_of(UUID1), &guest, &w->fx), 0);
    return w;
}

/* The guest's masks are the effective masks of the device. */
static const char *guest_has(void)
{
    assert_true(apcb_equal(&guest.hw.apcb, mdev_effective(mdev_of(UUID1))));
    return product(&guest.hw.apcb);
}

static unsigned count(const struct bus_world *w, enum effect_kind kind)
{
    unsigned n = 0;

    for (size_t i = 0; i < w->fx.count; i++)
        n += w->fx.v[i].kind == kind;
    return n;
}

static void a_guest_gets_what_is_assigned(void **state)
{
    struct bus_world *w = with_guest(state);

    assert_string_equal(guest_has(), "4 5 / 4 71");
    assert_string_equal(w->calls.data, "zapq 04.0004\nzapq 04.0047\nzapq 05.0004\nzapq 05.0047\n");
}

/* What the host does not have stays assigned, and is passed when it appears. */
static void what_the_host_lacks_waits(void **state)
{
    struct bus_world *w = with_guest(state);

    assert_int_equal(assign(w, UUID1, "assign_adapter", "6"), 0);
    assert_int_equal(assign(w, UUID1, "assign_domain", "5"), 0);
    assert_string_equal(product(mdev_assigned(mdev_of(UUID1))), "4 5 6 / 4 5 71");
    assert_string_equal(guest_has(), "4 5 / 4 71");
    add_adapter(&w->hw, 6, 11, AP_FN_ACCEL, domains_of_two, 2);
    scan(w);
    assert_string_equal(guest_has(), "4 5 6 / 4 71");
    mask256_clear(&w->hw.qci.aqm, 4);
    scan(w);
    assert_string_equal(guest_has(), "4 5 6 / 71");
}

/* The APCB is a product: one queue that cannot be passed withholds its adapter. */
static void an_adapter_is_withheld_as_a_whole(void **state)
{
    struct bus_world *w = with_guest(state);

    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0047"), 0);
    assert_string_equal(guest_has(), "4 / 4 71");
    assert_non_null(strstr(w->calls.data, "zapq 05.0004\n"));
    assert_null(strstr(w->calls.data, "zapq 04"));
    assert_int_equal(count(w, EFFECT_APCB), 1);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "05.0047"), 0);
    assert_string_equal(guest_has(), "4 5 / 4 71");
}

static void a_domain_without_queues_withholds_all(void **state)
{
    struct bus_world *w = with_guest(state);

    mask256_set(&w->hw.qci.aqm, 9);
    scan(w);
    assert_int_equal(assign(w, UUID1, "assign_domain", "9"), 0);
    assert_string_equal(guest_has(), "/ 4 9 71");
    assert_int_equal(assign(w, UUID1, "unassign_domain", "9"), 0);
    assert_string_equal(guest_has(), "4 5 / 4 71");
}

static void standby_withholds(void **state)
{
    struct bus_world *w = with_guest(state);

    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    assert_string_equal(guest_has(), "4 / 4 71");
    w->hw.adapters[5].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(guest_has(), "4 5 / 4 71");
}

static void upstream_passes_what_is_in_standby(void **state)
{
    struct bus_world *w = with_guest(state);

    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    assert_string_equal(guest_has(), "4 5 / 4 71");
}

/* Withdrawn queues are zeroized, others are not touched, and the guest is notified once. */
static void what_is_withdrawn_is_zeroized(void **state)
{
    struct bus_world *w = with_guest(state);

    assert_int_equal(assign(w, UUID1, "unassign_domain", "0x47"), 0);
    assert_string_equal(guest_has(), "4 5 / 4");
    assert_string_equal(w->calls.data, "zapq 04.0047\nzapq 05.0047\n");
    assert_int_equal(count(w, EFFECT_APCB), 1);
    assert_int_equal(count(w, EFFECT_GUEST_NOTIFY), 1);
    assert_int_equal(assign(w, UUID1, "unassign_domain", "0x47"), 0);
    assert_int_equal(count(w, EFFECT_APCB), 0);
}

/* However much a scan changes. */
static void one_update_for_one_change(void **state)
{
    struct bus_world *w = with_guest(state);
    uint64_t before = guest.config_changes;

    w->hw.adapters[4].rc = w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    mask256_clear(&w->hw.qci.aqm, 0x47);
    scan(w);
    assert_string_equal(guest_has(), "/ 4");
    assert_int_equal(guest.config_changes, before + 1);
    assert_int_equal(count(w, EFFECT_GUEST_NOTIFY), 1);
}

/* Linux 7.2 tells of each withdrawal by itself. */
static void upstream_updates_at_once(void **state)
{
    static const char config[] = MATRIX UUID1 "/ap_config";
    static const char fewer[] = "0x08" /* adapter 4, domain 4 */
                                ",0x08,0x00\n";
    struct bus_world *w = with_guest(state);
    uint64_t before = guest.config_changes;

    w->hw.adapters[5].type = 12;
    scan(w);
    assert_string_equal(guest_has(), "4 5 / 4 71");
    assert_int_equal(guest.config_changes, before + 2);
    mask256_clear(&w->hw.qci.aqm, 0x47);
    scan(w);
    assert_int_equal(guest.config_changes, before + 3);
    mask256_set(&w->hw.qci.aqm, 0x47);
    mask256_clear(&w->hw.qci.apm, 5);
    scan(w);
    assert_string_equal(guest_has(), "4 / 4 71");
    assert_int_equal(guest.config_changes, before + 5);
    mask256_set(&w->hw.qci.apm, 5);
    scan(w);
    assert_int_equal(guest.config_changes, before + 6);
    assert_int_equal(put(w, config, fewer), 0);
    assert_string_equal(guest_has(), "4 / 4");
    assert_int_equal(guest.config_changes, before + 8);
    assert_int_equal(put(w, config, "0x08,0x08,0x08\n"), 0);
    assert_int_equal(guest.config_changes, before + 8);
}

/* Linux 7.2 does not filter when a domain is unassigned. What that leaves withheld comes back with
 * the next queue that is bound, whatever queue that is: an update of its own. */
static void upstream_a_bind_refilters(void **state)
{
    struct bus_world *w = with_guest(state);
    uint64_t before;

    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0047"), 0);
    assert_int_equal(assign(w, UUID1, "unassign_domain", "0x47"), 0);
    assert_string_equal(guest_has(), "4 / 4");
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), -EBUSY);
    add_adapter(&w->hw, 6, 11, AP_FN_ACCEL, domains_of_two, 1);
    add_adapter(&w->hw, 7, 11, AP_FN_ACCEL, domains_of_two, 1);
    assert_int_equal(put(w, "bus/ap/drivers_autoprobe", "0"), 0);
    scan(w);
    before = guest.config_changes;
    assert_int_equal(assign(w, UUID2, "assign_adapter", "6"), 0);
    assert_int_equal(assign(w, UUID2, "assign_domain", "4"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "06.0004"), 0);
    assert_string_equal(guest_has(), "4 / 4");
    assert_int_equal(assign(w, UUID2, "unassign_domain", "4"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "04.0004"), 0);
    assert_string_equal(guest_has(), "/ 4");
    assert_int_equal(guest.config_changes, before + 1);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "04.0004"), 0);
    assert_string_equal(guest_has(), "4 5 / 4");
    assert_int_equal(guest.config_changes, before + 2);
}

/* The first of several queues that a mask gives to vfio_ap brings back what is stale, the last one
 * its own adapter. */
static void upstream_stale_and_complete_are_two_updates(void **state)
{
    struct bus_world *w = with_guest(state);
    uint64_t before;

    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0047"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "04.0004"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "04.0047"), 0);
    mask256_set(&w->hw.qci.aqm, 9);
    mask256_set(&w->hw.adapters[4].queues, 9);
    mask256_set(&w->hw.adapters[5].queues, 9);
    scan(w);
    assert_int_equal(assign(w, UUID1, "assign_domain", "9"), 0);
    assert_int_equal(assign(w, UUID1, "unassign_domain", "0x47"), 0);
    assert_string_equal(guest_has(), "/ 4 9");
    before = guest.config_changes;
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "04.0009"), 0);
    assert_int_equal(guest.config_changes, before);
    assert_int_equal(put(w, "bus/ap/aqmask", "+0"), 0); /* binds the three */
    assert_string_equal(guest_has(), "4 5 / 4 9");
    assert_int_equal(guest.config_changes, before + 2);
}

/* A control domain that comes to the LPAR is one of its own: nothing else is filtered for it. */
static void upstream_control_domains_come_alone(void **state)
{
    struct bus_world *w = with_guest(state);
    uint64_t before;

    assert_int_equal(assign(w, UUID1, "assign_control_domain", "7"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0047"), 0);
    assert_int_equal(assign(w, UUID1, "unassign_domain", "0x47"), 0);
    before = guest.config_changes;
    mask256_set(&w->hw.qci.adm, 7);
    scan(w);
    assert_string_equal(guest_has(), "4 / 4");
    assert_true(mask256_test(&guest.hw.apcb.adm, 7));
    assert_int_equal(guest.config_changes, before + 1);
}

/* Nor does it put off what a queue that is bound in that scan brings. */
static void upstream_control_domains_put_nothing_off(void **state)
{
    struct bus_world *w = with_guest(state);
    uint64_t before = guest.config_changes;

    assert_int_equal(assign(w, UUID1, "assign_control_domain", "7"), 0);
    w->hw.adapters[5].type = 12;
    mask256_set(&w->hw.qci.adm, 7);
    scan(w);
    assert_string_equal(guest_has(), "4 5 / 4 71");
    assert_int_equal(guest.config_changes, before + 3);
}

/* All queues that the driver has of the device are reset, also those that the guest does not get.
 */
static void a_system_reset_reaches_what_is_withheld(void **state)
{
    struct bus_world *w = with_guest(state);

    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0047"), 0);
    forget(w);
    assert_int_equal(vfio_ap_reset(vfio, &guest), 0);
    assert_string_equal(w->calls.data, "zapq 04.0004\nzapq 04.0047\nzapq 05.0004\n");
    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    assert_int_equal(vfio_ap_reset(vfio, &guest), -EIO);
}

/* A queue of which nobody knows that it is empty is passed to nobody. */
static void a_reset_that_lasts_withholds(void **state)
{
    struct bus_world *w = with_guest(state);

    w->hw.resetting = AP_QN(5, 4);
    assert_int_equal(assign(w, UUID1, "unassign_adapter", "5"), 0);
    assert_int_equal(assign(w, UUID1, "assign_adapter", "5"), 0);
    assert_string_equal(guest_has(), "4 / 4 71");
    w->hw.resetting = 0;
    scan(w);
    assert_string_equal(guest_has(), "4 5 / 4 71");
}

/* Without a guest the masks are computed as well, but nobody is notified. */
static void a_device_without_guest(void **state)
{
    struct bus_world *w = with_guest(state);

    forget(w);
    vfio_ap_detach(vfio, &guest, &w->fx);
    assert_string_equal(product(&guest.hw.apcb), "/");
    assert_string_equal(w->calls.data, "zapq 04.0004\nzapq 04.0047\nzapq 05.0004\nzapq 05.0047\n");
    assert_int_equal(assign(w, UUID1, "unassign_adapter", "4"), 0);
    assert_string_equal(product(mdev_effective(mdev_of(UUID1))), "5 / 4 71");
    assert_int_equal(count(w, EFFECT_APCB), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VFIO_TEST(a_guest_gets_what_is_assigned),
        VFIO_TEST(what_the_host_lacks_waits),
        VFIO_TEST(an_adapter_is_withheld_as_a_whole),
        VFIO_TEST(a_domain_without_queues_withholds_all),
        VFIO_TEST(standby_withholds),
        VFIO_TEST_UPSTREAM(upstream_passes_what_is_in_standby),
        VFIO_TEST(what_is_withdrawn_is_zeroized),
        VFIO_TEST(one_update_for_one_change),
        VFIO_TEST_UPSTREAM(upstream_updates_at_once),
        VFIO_TEST_UPSTREAM(upstream_a_bind_refilters),
        VFIO_TEST_UPSTREAM(upstream_stale_and_complete_are_two_updates),
        VFIO_TEST_UPSTREAM(upstream_control_domains_come_alone),
        VFIO_TEST_UPSTREAM(upstream_control_domains_put_nothing_off),
        VFIO_TEST(a_system_reset_reaches_what_is_withheld),
        VFIO_TEST(a_reset_that_lasts_withholds),
        VFIO_TEST(a_device_without_guest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
