/* SPDX-License-Identifier: MIT */
#include "bus_world.h"

/* Which driver a queue is bound to, and what happens to the queue when its owner changes. */

static const char *driver_of(struct bus_world *w, ap_qn qn)
{
    const struct ap_driver *driver = ap_bus_queue_driver(w->bus, qn);

    return driver ? driver->name : "none";
}

static void masks_decide(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/aqmask", "-0x47"), 0);
    scan(w);
    assert_string_equal(driver_of(w, AP_QN(4, 4)), DEFAULT_DRIVER);
    assert_string_equal(driver_of(w, AP_QN(4, 0x47)), PASSED_DRIVER);
    assert_true(passed(w, AP_QN(5, 0x47)));
    assert_false(passed(w, AP_QN(5, 4)));
    assert_string_equal(driver_of(w, AP_QN(6, 4)), "none");
    assert_int_not_equal(ino_of(w, "bus/ap/drivers/" PASSED_DRIVER "/05.0047"), 0);
    assert_int_equal(ino_of(w, "bus/ap/drivers/" DEFAULT_DRIVER "/05.0047"), 0);
    assert_string_equal(w->calls.data, "config changed\nadapter 04 changed\n"
                                       "rapq 04.0004\nrapq 04.0004\n"
                                       "rapq 04.0047\nprobe 04.0047\nadapter 05 changed\n"
                                       "rapq 05.0004\nrapq 05.0004\n"
                                       "rapq 05.0047\nprobe 05.0047\nscan complete\nsettle\n");
}

/* Each generation of adapters has its own drivers; vfio_ap takes CEX4 and newer. */
static void types_decide(void **state)
{
    static const struct {
        uint8_t type;
        const char *driver;
    } types[] = {{6, "cex2aqueue"}, {8, "cex2aqueue"}, {7, "cex2cqueue"},
                 {9, "cex2cqueue"}, {10, "cex4queue"}, {14, "cex4queue"}};
    struct bus_world *w = *state;

    for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
        w->hw.adapters[5].type = types[i].type;
        assert_int_equal(put(w, "bus/ap/apmask", "+5"), 0);
        scan(w);
        assert_string_equal(driver_of(w, AP_QN(5, 4)), types[i].driver);
        assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
        assert_string_equal(driver_of(w, AP_QN(5, 4)), types[i].type < 10 ? "none" : PASSED_DRIVER);
    }
}

/* A queue is reset before another driver gets it. */
static void a_queue_is_zeroized_between_two_drivers(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/unbind", "05.0004\n"), 0);
    assert_string_equal(w->calls.data, "zapq 05.0004\nsettle\n");
    assert_string_equal(driver_of(w, AP_QN(5, 4)), "none");
    assert_string_equal(effects_of(w, EFFECT_UEVENT), "unbind ap/card05/05.0004\n");
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), PASSED_DRIVER);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0004"), 0);
    assert_string_equal(w->calls.data, "remove 05.0004\nzapq 05.0004\nsettle\n");
}

static void bind_wants_a_free_device_of_its_own(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/bind", "05.0004"), -EBUSY);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/bind", "05.0005"), -ENODEV);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0004"), -ENODEV);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/unbind", "05.0004"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "05.0004"), -ENODEV);
    assert_non_null(strstr(effects_of(w, EFFECT_LOG), "drivers/" PASSED_DRIVER "/bind refused"));
    assert_string_equal(w->calls.data, "");
    assert_int_equal(put(w, "bus/ap/drivers/cex4card/bind", "05.0004"), -ENODEV);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/bind", "05.0004"), 0);
    assert_string_equal(w->calls.data, "rapq 05.0004\nsettle\n");
    assert_string_equal(driver_of(w, AP_QN(5, 4)), DEFAULT_DRIVER);
}

/* A queue that was unbound by hand, and masks that give it to zcrypt and take it away again. */
static void masks_bind_what_was_unbound(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0004"), 0);
    assert_int_equal(put(w, "bus/ap/apmask", "+5"), 0);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), DEFAULT_DRIVER);
    assert_string_equal(driver_of(w, AP_QN(5, 0x47)), DEFAULT_DRIVER);
}

/* Linux 7.2 reads the flags of the driver that the queue does not have as those of a default one.
 */
static void upstream_masks_leave_what_was_unbound(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/unbind", "05.0004"), 0);
    assert_int_equal(put(w, "bus/ap/apmask", "+5"), 0);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), "none");
    assert_string_equal(driver_of(w, AP_QN(5, 0x47)), DEFAULT_DRIVER);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "05.0004"), -ENODEV);
    scan(w);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), "none");
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), PASSED_DRIVER);
}

/* A scan says once that all are bound, and again after any device was bound. */
static void bindings_are_counted(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings"), "4/4 (complete)\n");
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "1\n");
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "1\n");
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/unbind", "05.0004"), 0);
    assert_string_equal(get(w, "bus/ap/bindings"), "3/4\n");
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/bind", "05.0004"), 0);
    assert_string_equal(get(w, "bus/ap/bindings"), "4/4 (complete)\n");
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "1\n");
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "2\n");
    assert_int_equal(put(w, "bus/ap/drivers/cex4card/unbind", "card05"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/cex4card/bind", "card05"), 0);
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "3\n");
}

/* What comes to the LPAR lets it be said again even if nothing is bound because of it. */
static void bindings_are_told_after_what_came(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    mask256_set(&w->hw.qci.aqm, 9);
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "2\n");
    assert_int_equal(put(w, "bus/ap/drivers_autoprobe", "0"), 0);
    add_adapter(&w->hw, 6, 11, AP_FN_ACCEL, domains_of_two, 2);
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings"), "4/6\n");
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "2\n");
    mask256_clear(&w->hw.qci.apm, 6);
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings_complete_count"), "3\n");
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "remove ap/card06/06.0004\nremove ap/card06/06.0047\n"
                        "remove ap/card06\nchange ap\n");
}

static void without_autoprobe_a_device_waits(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/drivers_autoprobe", "0"), 0);
    scan(w);
    assert_string_equal(driver_of(w, AP_QN(4, 4)), "none");
    assert_string_equal(get(w, "bus/ap/bindings"), "0/4\n");
    assert_int_equal(put(w, "bus/ap/drivers_probe", "04.0004"), 0);
    assert_string_equal(driver_of(w, AP_QN(4, 4)), DEFAULT_DRIVER);
    assert_string_equal(driver_of(w, AP_QN(4, 0x47)), "none");
}

/* An override takes precedence over the masks until the device is removed. */
static void an_override_counts(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", PASSED_DRIVER "\n"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/unbind", "05.0004"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/bind", "05.0004"), -ENODEV);
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "05.0004"), 0);
    assert_true(passed(w, AP_QN(5, 4)));
    assert_false(passed(w, AP_QN(5, 0x47)));
    mask256_clear(&w->hw.adapters[5].queues, 4);
    scan(w);
    mask256_set(&w->hw.adapters[5].queues, 4);
    scan(w);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), DEFAULT_DRIVER);
}

static void cards_are_bound_beside_their_queues(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_not_equal(ino_of(w, "bus/ap/drivers/cex4card/card05"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/cex4card/unbind", "card05"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT), "unbind ap/card05\n");
    assert_int_equal(ino_of(w, "bus/ap/drivers/cex4card/card05"), 0);
    assert_string_equal(driver_of(w, AP_QN(5, 4)), DEFAULT_DRIVER);
    assert_string_equal(get(w, "bus/ap/bindings"), "4/4 (complete)\n");
    assert_int_equal(put(w, "bus/ap/drivers/cex4card/bind", "card05"), 0);
    assert_int_not_equal(ino_of(w, "bus/ap/drivers/cex4card/card05"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(masks_decide),
        TEST(types_decide),
        TEST(a_queue_is_zeroized_between_two_drivers),
        TEST(bind_wants_a_free_device_of_its_own),
        TEST(masks_bind_what_was_unbound),
        TEST_UPSTREAM(upstream_masks_leave_what_was_unbound),
        TEST(bindings_are_counted),
        TEST(bindings_are_told_after_what_came),
        TEST(without_autoprobe_a_device_waits),
        TEST(an_override_counts),
        TEST(cards_are_bound_beside_their_queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
