/* SPDX-License-Identifier: MIT */
#include "bus_world.h"

/* What a scan of the AP bus finds, changes and removes, and the order in which drivers are told. */

static void nothing_is_there_before_the_first_scan(void **state)
{
    struct bus_world *w = *state;

    assert_false(has_card(w, 4));
    assert_int_equal(ap_bus_scans(w->bus), 0);
    assert_int_equal(ino_of(w, "devices/ap/card04"), 0);
}

static void a_scan_finds_what_answers(void **state)
{
    struct bus_world *w = *state;

    mask256_clear(&w->hw.adapters[5].queues, 0x47);
    scan(w);
    assert_int_equal(ap_bus_scans(w->bus), 1);
    assert_true(has_card(w, 4) && has_card(w, 5));
    assert_false(has_card(w, 6));
    assert_true(has_queue(w, AP_QN(4, 0x47)));
    assert_true(has_queue(w, AP_QN(5, 4)));
    assert_false(has_queue(w, AP_QN(5, 0x47)));
    assert_int_not_equal(ino_of(w, "devices/ap/card05/05.0004"), 0);
    assert_int_equal(ino_of(w, "devices/ap/card05/05.0047"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "add ap/card04\nbind ap/card04\n"
                        "add ap/card04/04.0004\nbind ap/card04/04.0004\n"
                        "add ap/card04/04.0047\nbind ap/card04/04.0047\n"
                        "add ap/card05\nbind ap/card05\n"
                        "add ap/card05/05.0004\nbind ap/card05/05.0004\n"
                        "change ap\nchange ap\n");
}

/* Adapters outside the LPAR are not tested, even if they would answer. */
static void configuration_bounds_the_scan(void **state)
{
    struct bus_world *w = *state;

    mask256_clear(&w->hw.qci.apm, 4);
    mask256_clear(&w->hw.qci.aqm, 0x47);
    scan(w);
    assert_false(has_card(w, 4));
    assert_int_equal(w->hw.asked[4], 0);
    assert_true(has_queue(w, AP_QN(5, 4)));
    assert_false(has_queue(w, AP_QN(5, 0x47)));
}

/* Without QCI, all of 64 adapters and 16 domains are tried. */
static void without_qci_every_number_is_tried(void **state)
{
    static const unsigned domains[] = {15, 16};
    struct bus_world *w = *state;

    add_adapter(&w->hw, 63, 11, AP_FN_CCA, domains, 2);
    add_adapter(&w->hw, 64, 11, AP_FN_CCA, domains, 2);
    w->hw.has_qci = false;
    scan(w);
    assert_true(has_queue(w, AP_QN(63, 15)));
    assert_false(has_queue(w, AP_QN(63, 16)));
    assert_false(has_card(w, 64));
    assert_int_equal(w->hw.asked[64], 0);
    assert_true(has_queue(w, AP_QN(4, 4)));
    assert_false(has_queue(w, AP_QN(4, 0x47)));
}

/* Response codes that mean an adapter is present, and its attributes then. */
static void response_codes_of_a_card_that_is_there(void **state)
{
    static const struct {
        enum ap_rc rc;
        const char *config, *chkstop;
    } codes[] = {{AP_RC_NORMAL, "1\n", "0\n"},
                 {AP_RC_RESET_IN_PROGRESS, "1\n", "0\n"},
                 {AP_RC_DECONFIGURED, "0\n", "0\n"},
                 {AP_RC_CHECKSTOPPED, "1\n", "1\n"},
                 {AP_RC_BUSY, "1\n", "0\n"}};
    struct bus_world *w = *state;

    for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
        w->hw.adapters[5].rc = codes[i].rc;
        scan(w);
        assert_true(has_queue(w, AP_QN(5, 4)));
        assert_string_equal(get(w, "devices/ap/card05/config"), codes[i].config);
        assert_string_equal(get(w, "devices/ap/card05/chkstop"), codes[i].chkstop);
        assert_string_equal(get(w, "devices/ap/card05/05.0047/config"), codes[i].config);
        assert_string_equal(get(w, "devices/ap/card05/05.0047/chkstop"), codes[i].chkstop);
    }
}

static void other_response_codes_tell_of_nothing(void **state)
{
    static const enum ap_rc codes[] = {AP_RC_INVALID_ADDRESS, AP_RC_OTHERWISE_CHANGED, AP_RC_Q_FULL,
                                       AP_RC_INDEX_TOO_BIG};
    struct bus_world *w = *state;

    for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
        w->hw.adapters[5].rc = codes[i];
        scan(w);
        assert_false(has_card(w, 5));
    }
}

/* An adapter without a mode (in the proposal), or of a type that the kernel does not know, is not a
 * card. */
static void what_is_no_card(void **state)
{
    struct bus_world *w = *state;

    w->hw.adapters[5].functions = 0;
    w->hw.adapters[4].type = 15;
    scan(w);
    assert_false(has_card(w, 5));
    assert_false(has_card(w, 4));
    w->hw.adapters[5].functions = AP_FN_CCA;
    w->hw.adapters[5].type = 9;
    scan(w);
    assert_true(has_card(w, 5));
    w->hw.adapters[5].type = 5;
    scan(w);
    assert_false(has_card(w, 5));
}

/* A card without a mode is one that no driver of zcrypt takes. */
static void upstream_has_cards_without_a_mode(void **state)
{
    struct bus_world *w = *state;

    w->hw.adapters[5].functions = 0;
    scan(w);
    assert_string_equal(get(w, "devices/ap/card05/ap_functions"), "0x00000000\n");
    assert_string_equal(get(w, "devices/ap/card05/uevent"),
                        "DEVTYPE=ap_card\nDEV_TYPE=000B\nMODALIAS=ap:t0B\n");
    assert_string_equal(get(w, "devices/ap/card05/05.0004/uevent"), "DEVTYPE=ap_queue\n");
    assert_string_equal(get(w, "bus/ap/bindings"), "2/4\n");
    assert_int_equal(put(w, "bus/ap/drivers/cex4queue/bind", "05.0004"), -ENODEV);
    w->hw.adapters[5].functions = AP_FN_CCA;
    scan(w);
    assert_string_equal(get(w, "bus/ap/bindings"), "4/4 (complete)\n");
}

static void upstream_knows_cex4_and_newer(void **state)
{
    struct bus_world *w = *state;

    w->hw.adapters[4].type = 9;
    w->hw.adapters[5].type = 10;
    scan(w);
    assert_false(has_card(w, 4));
    assert_true(has_card(w, 5));
}

static void a_queue_that_vanishes_never_comes_back_as_itself(void **state)
{
    struct bus_world *w = *state;
    struct sysfs_entry entry;
    sysfs_ino first;

    scan(w);
    first = ino_of(w, "devices/ap/card05/05.0004");
    mask256_clear(&w->hw.adapters[5].queues, 4);
    scan(w);
    assert_false(has_queue(w, AP_QN(5, 4)));
    assert_true(has_queue(w, AP_QN(5, 0x47)));
    assert_int_equal(sysfs_stat(&w->tree, first, &entry), -ENODEV);
    assert_string_equal(effects_of(w, EFFECT_GONE), "05.0004\n");
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "unbind ap/card05/05.0004\nremove ap/card05/05.0004\n");
    mask256_set(&w->hw.adapters[5].queues, 4);
    scan(w);
    assert_true(has_queue(w, AP_QN(5, 4)));
    assert_int_not_equal(ino_of(w, "devices/ap/card05/05.0004"), first);
    assert_int_equal(sysfs_stat(&w->tree, first, &entry), -ENODEV);
}

static void an_adapter_leaves_with_its_queues(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    mask256_clear(&w->hw.qci.apm, 5);
    scan(w);
    assert_false(has_card(w, 5) || has_queue(w, AP_QN(5, 4)));
    assert_string_equal(effects_of(w, EFFECT_GONE), "05.0004\n05.0047\ncard05\n");
    assert_string_equal(w->calls.data, "config changed\nzapq 05.0004\nzapq 05.0047\n"
                                       "adapter 05 changed\nscan complete\nsettle\n");
}

/* Another card in the same place is a new device. */
static void a_card_of_another_type_is_another_card(void **state)
{
    struct bus_world *w = *state;
    sysfs_ino first;

    scan(w);
    first = ino_of(w, "devices/ap/card05");
    w->hw.adapters[5].type = 12;
    scan(w);
    assert_int_not_equal(ino_of(w, "devices/ap/card05"), first);
    assert_string_equal(get(w, "devices/ap/card05/raw_hwtype"), "12\n");
    first = ino_of(w, "devices/ap/card05");
    w->hw.adapters[5].functions = AP_FN_ACCEL;
    scan(w);
    assert_int_not_equal(ino_of(w, "devices/ap/card05"), first);
    first = ino_of(w, "devices/ap/card05");
    scan(w);
    assert_int_equal(ino_of(w, "devices/ap/card05"), first);
}

/* An event about one adapter does not touch the others, unless the configuration changed. */
static void a_scan_of_named_adapters(void **state)
{
    struct bus_world *w = *state;
    struct mask256 five = {0};

    mask256_set(&five, 5);
    scan(w);
    w->hw.adapters[4].rc = w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    forget(w);
    ap_bus_scan_adapters(w->bus, &five, &w->fx);
    assert_int_equal(w->hw.asked[4], 0);
    assert_true(configured(w, 4));
    assert_false(configured(w, 5));
    assert_string_equal(w->calls.data, "adapter 05 changed\nsettle\n");
    mask256_set(&w->hw.qci.adm, 4);
    forget(w);
    ap_bus_scan_adapters(w->bus, &five, &w->fx);
    assert_false(configured(w, 4));
    assert_string_equal(w->calls.data,
                        "config changed\nadapter 04 changed\nscan complete\nsettle\n");
}

/* A queue that returns from standby is initialized again. */
static void back_from_standby(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "change ap/card05\nchange ap/card05/05.0004\nchange ap/card05/05.0047\n");
    assert_string_equal(w->calls.data, "adapter 05 changed\nsettle\n");
    w->hw.adapters[5].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(w->calls.data, "adapter 05 changed\nrapq 05.0004\nrapq 05.0047\nsettle\n");
    scan(w);
    assert_string_equal(effects_of(w, EFFECT_UEVENT), "");
    assert_string_equal(w->calls.data, "settle\n");
}

static void the_lowest_domain_that_answers_is_the_default(void **state)
{
    struct bus_world *w = *state;

    assert_string_equal(get(w, "bus/ap/ap_domain"), "-1\n");
    w->hw.adapters[4].rc = w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    assert_string_equal(get(w, "bus/ap/ap_domain"), "-1\n");
    mask256_clear(&w->hw.adapters[5].queues, 4);
    w->hw.adapters[5].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(get(w, "bus/ap/ap_domain"), "71\n");
    w->hw.adapters[4].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(get(w, "bus/ap/ap_domain"), "71\n");
}

/* Also if what answers is no card: without facility 15 no adapter tells its mode. */
static void what_is_no_card_has_a_domain(void **state)
{
    struct bus_world *w = *state;

    w->hw.adapters[4].functions = w->hw.adapters[5].functions = 0;
    scan(w);
    assert_false(has_card(w, 4) || has_card(w, 5));
    assert_string_equal(get(w, "bus/ap/ap_domain"), "4\n");
}

/* Uevents go through the queues as the kernel does. */
static void queues_are_told_of_in_the_order_they_came(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    mask256_clear(&w->hw.adapters[4].queues, 4);
    scan(w);
    mask256_set(&w->hw.adapters[4].queues, 4);
    scan(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "unbind ap/card05/05.0004\nbind ap/card05/05.0004\n"
                        "unbind ap/card04/04.0004\nbind ap/card04/04.0004\nchange ap\n");
    mask256_clear(&w->hw.qci.apm, 4);
    scan(w);
    assert_string_equal(effects_of(w, EFFECT_UEVENT),
                        "unbind ap/card04/04.0047\nremove ap/card04/04.0047\n"
                        "unbind ap/card04/04.0004\nremove ap/card04/04.0004\n"
                        "unbind ap/card04\nremove ap/card04\nchange ap\n");
}

#define QUEUE "devices/ap/card05/05.0004/"

static void the_state_of_a_queue_that_comes_back(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_string_equal(get(w, QUEUE "request_count"), "0\n");
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_string_equal(get(w, QUEUE "request_count"), "-\n");
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
    mask256_clear(&w->hw.adapters[5].queues, 4);
    scan(w);
    mask256_set(&w->hw.adapters[5].queues, 4);
    scan(w);
    assert_non_null(strstr(w->calls.data, "rapq 05.0004\nprobe 05.0004\n"));
    assert_string_equal(get(w, QUEUE "request_count"), "0\n");
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
}

static void the_state_of_a_queue_unbound_in_standby(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
    assert_int_equal(put(w, QUEUE "reset", "1"), 0);
    assert_string_equal(get(w, QUEUE "reset"), "Reset in progress.\n");
    assert_int_equal(put(w, "bus/ap/drivers/" DEFAULT_DRIVER "/unbind", "05.0004"), 0);
    w->hw.adapters[5].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "Reset in progress.\n");
    assert_string_equal(get(w, QUEUE "request_count"), "-\n");
    assert_int_equal(put(w, "bus/ap/drivers/cex4queue/bind", "05.0004"), 0);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
}

/* The attribute asks the queue, whoever has enabled its interrupts. */
static void interrupts_are_those_of_the_queue(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    assert_string_equal(get(w, QUEUE "interrupt"), "Interrupts disabled.\n");
    w->hw.interrupting = AP_QN(5, 4);
    assert_string_equal(get(w, QUEUE "interrupt"), "Interrupts enabled.\n");
}

/* The first scan that sees a checkstop stops the queue, the second one starts its reset, which
 * waits for the end of the checkstop. */
static void the_state_of_a_queue_in_checkstop(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    w->hw.adapters[5].rc = AP_RC_CHECKSTOPPED;
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "Reset in progress.\n");
    assert_string_equal(w->calls.data, "settle\n");
    w->hw.adapters[5].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
    scan(w);
    assert_string_equal(w->calls.data, "settle\n");
}

static void the_state_of_a_queue_from_standby_to_checkstop(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    scan(w);
    w->hw.adapters[5].rc = AP_RC_CHECKSTOPPED;
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
    scan(w);
    assert_string_equal(get(w, QUEUE "config"), "1\n");
    assert_string_equal(get(w, QUEUE "reset"), "Reset in progress.\n");
}

/* A reset that is refused is tried again by the next scan. */
static void a_scan_repeats_a_reset(void **state)
{
    struct bus_world *w = *state;

    scan(w);
    w->hw.adapters[5].rc = AP_RC_DECONFIGURED;
    assert_int_equal(put(w, QUEUE "reset", "1"), 0);
    assert_string_equal(get(w, QUEUE "reset"), "Reset in progress.\n");
    w->hw.adapters[5].rc = AP_RC_NORMAL;
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
}

/* Nobody polls a queue that has no driver. */
static void the_state_of_a_queue_that_waits_for_a_driver(void **state)
{
    struct bus_world *w = *state;

    assert_int_equal(put(w, "bus/ap/drivers_autoprobe", "0"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    scan(w);
    assert_string_equal(get(w, QUEUE "reset"), "Reset in progress.\n");
    assert_string_equal(get(w, QUEUE "request_count"), "0\n");
    assert_int_equal(put(w, "bus/ap/drivers/" PASSED_DRIVER "/bind", "05.0004"), 0);
    assert_string_equal(get(w, QUEUE "reset"), "No Reset Timer set.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_there_before_the_first_scan),
        TEST(a_scan_finds_what_answers),
        TEST(configuration_bounds_the_scan),
        TEST(without_qci_every_number_is_tried),
        TEST(response_codes_of_a_card_that_is_there),
        TEST(other_response_codes_tell_of_nothing),
        TEST(what_is_no_card),
        TEST_UPSTREAM(upstream_has_cards_without_a_mode),
        TEST_UPSTREAM(upstream_knows_cex4_and_newer),
        TEST(a_queue_that_vanishes_never_comes_back_as_itself),
        TEST(an_adapter_leaves_with_its_queues),
        TEST(a_card_of_another_type_is_another_card),
        TEST(a_scan_of_named_adapters),
        TEST(back_from_standby),
        TEST(the_lowest_domain_that_answers_is_the_default),
        TEST(what_is_no_card_has_a_domain),
        TEST(queues_are_told_of_in_the_order_they_came),
        TEST(the_state_of_a_queue_that_comes_back),
        TEST(the_state_of_a_queue_unbound_in_standby),
        TEST(interrupts_are_those_of_the_queue),
        TEST(the_state_of_a_queue_in_checkstop),
        TEST_UPSTREAM(the_state_of_a_queue_from_standby_to_checkstop),
        TEST(a_scan_repeats_a_reset),
        TEST(the_state_of_a_queue_that_waits_for_a_driver),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
