/* SPDX-License-Identifier: MIT */
#include "bus_world.h"

/* Writes to apmask and aqmask are parsed, checked with the drivers, and committed, or change
 * nothing. */

#define ONES60 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ZERO60 "000000000000000000000000000000000000000000000000000000000000"

static void lists_change_and_numbers_replace(void **state)
{
    struct bus_world *w = *state;

    assert_string_equal(get(w, "bus/ap/aqmask"), "0xffff" ONES60 "\n");
    assert_int_equal(put(w, "bus/ap/aqmask", "-4,-8-0xb\n"), 0);
    assert_string_equal(get(w, "bus/ap/aqmask"), "0xf70f" ONES60 "\n");
    assert_int_equal(put(w, "bus/ap/aqmask", "+9"), 0);
    assert_string_equal(get(w, "bus/ap/aqmask"), "0xf74f" ONES60 "\n");
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0);
    assert_string_equal(get(w, "bus/ap/aqmask"), "0x0800" ZERO60 "\n");
    assert_string_equal(get(w, "bus/ap/apmask"), "0xffff" ONES60 "\n");
    assert_int_equal(put(w, "bus/ap/apmask", "0"), 0);
    assert_string_equal(get(w, "bus/ap/apmask"), "0x0000" ZERO60 "\n");
    assert_true(mask256_empty(&ap_bus_masks(w->bus)->apmask));
}

static void what_is_no_mask_changes_nothing(void **state)
{
    static const char *const wrong[] = {"+", "+256", "+5-3", "0xg", "+1 2"};
    struct bus_world *w = *state;

    scan(w);
    for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(put(w, "bus/ap/aqmask", wrong[i]), -EINVAL);
        assert_non_null(strstr(effects_of(w, EFFECT_LOG), "aqmask refused (EINVAL)"));
        assert_string_equal(effects_of(w, EFFECT_UEVENT), "");
        assert_string_equal(w->calls.data, "");
        assert_string_equal(get(w, "bus/ap/aqmask"), "0xffff" ONES60 "\n");
    }
}

static void the_same_again_is_no_change(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
    assert_string_equal(w->calls.data, "");
    assert_int_equal(w->fx.count, 0);
}

/* A driver that would lose a queue is asked; if it refuses, nothing changes. */
static void a_driver_can_refuse(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    scan(w);
    w->veto = true;
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), -EADDRINUSE);
    assert_string_equal(w->calls.data, "in use? 0xf7ff 0xffff\n");
    assert_string_equal(effects_of(w, EFFECT_UEVENT), "");
    assert_string_equal(get(w, "bus/ap/aqmask"), "0xf7ff" ONES60 "\n");
    assert_true(passed(w, AP_QN(5, 4)));
    w->veto = false;
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
    assert_false(passed(w, AP_QN(5, 4)));
}

static void upstream_refuses_with_ebusy(void **state)
{
    struct bus_world *w = *state;

    w->veto = true;
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), -EBUSY);
    assert_string_equal(get(w, "bus/ap/aqmask"), "0xffff" ONES60 "\n");
}

/* Only queues that change their owner are touched, before the write returns. */
static void queues_follow(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "-0x47"), 0);
    assert_string_equal(w->calls.data, "in use? 0xffff 0xffff\nzapq 04.0047\nprobe 04.0047\n"
                                       "zapq 05.0047\nprobe 05.0047\nsettle\n");
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "unbind ap/card04/04.0047\nbind ap/card04/04.0047\n"
                        "unbind ap/card05/05.0047\nbind ap/card05/05.0047\n"
                        "change ap\n");
    assert_int_equal(put(w, "bus/ap/apmask", "-4"), 0);
    assert_string_equal(w->calls.data,
                        "in use? 0xffff 0xffff\nzapq 04.0004\nprobe 04.0004\nsettle\n");
    assert_int_equal(put(w, "bus/ap/aqmask", "+0x47"), 0);
    assert_string_equal(w->calls.data, "in use? 0xffff 0xffff\nremove 05.0047\nzapq 05.0047\n"
                                       "rapq 05.0047\nsettle\n");
    assert_true(passed(w, AP_QN(4, 0x47)));
}

/* The value of the uevent variable ends with a newline, as the kernel's does. */
static void a_change_is_announced(void **state)
{
    struct bus_world *w = *state;
    const struct effect *last;
    const char *text;

    assert_int_equal(put(w, "bus/ap/apmask", "-0x20"), 0);
    last = &w->fx.v[w->fx.count - 1];
    assert_int_equal(last->kind, EFFECT_UEVENT);
    text = effect_text(&w->fx, last);
    text += strlen(text) + 1; /* ACTION */
    text += strlen(text) + 1; /* DEVPATH */
    text += strlen(text) + 1; /* SUBSYSTEM */
    assert_string_equal(text, "APMASK=0xffffffff7fffffffffffffffffffffffffffffff"
                              "ffffffffffffffffffffffff\n");
}

static void masks_and_overrides_exclude_each_other(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", PASSED_DRIVER), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), -EINVAL);
    assert_string_equal(get(w, "bus/ap/aqmask"), "0xffff" ONES60 "\n");
    assert_int_equal(put(w, "devices/ap/card05/05.0004/driver_override", "\n"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_change_and_numbers_replace),
        TEST(what_is_no_mask_changes_nothing),
        TEST(the_same_again_is_no_change),
        TEST(a_driver_can_refuse),
        TEST_UPSTREAM(upstream_refuses_with_ebusy),
        TEST(queues_follow),
        TEST(a_change_is_announced),
        TEST(masks_and_overrides_exclude_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
