/* SPDX-License-Identifier: MIT */
#include "core_world.h"

/* Changes in which the random plays of tests/model once found bugs. */

static void machine_set(struct world *w, const struct machine_config *config)
{
    struct command cmd = {.kind = CMD_MACHINE_SET, .machine = {.config = config}};

    assert_int_equal(run(w, &cmd), 0);
}

static void set_type(struct machine_config *config, unsigned apid, const char *type)
{
    config->adapters[apid].in_lpar = config->adapters[apid].configured = true;
    assert_int_equal(machine_adapter_type_parse(type, &config->adapters[apid]), 0);
}

/* Without an event the host notices with its next scan. */
static void test_no_event(void **state)
{
    struct world *w = *state;
    struct command off = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 5}, .silent = true};
    struct command other = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 6}};

    assert_int_equal(run(w, &off), 0);
    assert_string_equal(get(w, "devices/ap/card05/config"), "1\n");
    assert_string_equal(get(w, "bus/ap/scans"), "1\n");
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, "devices/ap/card05/config"), "0\n");
    assert_string_equal(get(w, "devices/ap/card05/05.0047/config"), "0\n");
    off.adapter.on = true;
    assert_int_equal(run(w, &off), 0);
    assert_string_equal(get(w, "devices/ap/card05/config"), "0\n");
    assert_int_equal(run(w, &other), 0);
    assert_string_equal(get(w, "devices/ap/card05/config"), "1\n");
}

/* SCLP finds that the adapter is so already: the card says so at once, its queues after the scan.
 */
static void test_config_of_a_change_without_event(void **state)
{
    struct world *w = *state;
    struct command off = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 5}, .silent = true};

    assert_int_equal(run(w, &off), 0);
    assert_int_equal(put(w, "devices/ap/card05/config", "0"), 0);
    assert_string_equal(get(w, "devices/ap/card05/config"), "0\n");
    assert_string_equal(get(w, "devices/ap/card05/05.0047/config"), "1\n");
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, "devices/ap/card05/05.0047/config"), "0\n");
}

/* A queue of Linux 7.2 takes one change in a scan, whichever comes first. */
static void test_one_change_a_scan(void **state)
{
    struct world *w = *state;
    const char *config = "devices/ap/card05/05.0047/config";
    const char *chkstop = "devices/ap/card05/05.0047/chkstop";
    struct command stop = {
        .kind = CMD_CHECKSTOP, .adapter = {.apid = 5, .on = true}, .silent = true};
    struct command off = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 5}, .silent = true};

    assert_int_equal(run(w, &stop), 0);
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, chkstop), "1\n");
    assert_int_equal(run(w, &off), 0);
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, chkstop), "0\n");
    assert_string_equal(get(w, config), "1\n");
    assert_string_equal(get(w, "devices/ap/card05/config"), "0\n");
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, config), "0\n");
    off.adapter.on = true;
    assert_int_equal(run(w, &off), 0);
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, chkstop), "1\n");
    assert_string_equal(get(w, config), "0\n");
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(get(w, config), "1\n");
}

/* Queues above a highest number that has fallen are gone, as their domain is. */
static void test_highest_domain_falls(void **state)
{
    struct world *w = *state;
    struct machine_config config;

    machine_config_default(&config);
    config.max_domain = 0x47;
    config.usage = (struct mask256){0};
    mask256_set(&config.usage, 4);
    mask256_set(&config.usage, 0x47);
    config.control = config.usage;
    machine_set(w, &config);
    assert_string_equal(get(w, "bus/ap/bindings"), "6/6 (complete)\n");
    assert_string_equal(get(w, "bus/ap/devices/05.00ab/config"), "error 2");
}

/* A machine that no machine file could describe is refused, and nothing changes. */
static void test_numbers_above_the_highest(void **state)
{
    static const struct {
        unsigned max_adapter, max_domain;
        bool usage, control;
        const char *what;
    } wrong[] = {
        {255, 3, true, false, "domain 4 (0x04) is above max_domain, which is 3"},
        {255, 3, false, true, "control domain 4 (0x04) is above max_domain"},
        {4, 255, true, true, "adapter 5 (0x05) is above max_adapter, which is 4"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct machine_config config;
        struct command cmd = {.kind = CMD_MACHINE_SET, .machine = {.config = &config}};

        machine_config_default(&config);
        config.max_adapter = (uint8_t)wrong[i].max_adapter;
        config.max_domain = (uint8_t)wrong[i].max_domain;
        if (!wrong[i].usage)
            config.usage = (struct mask256){0};
        if (!wrong[i].control)
            config.control = (struct mask256){0};
        assert_int_equal(run(w, &cmd), -EINVAL);
        assert_non_null(strstr(w->reply.why.data, wrong[i].what));
        assert_string_equal(get(w, "bus/ap/bindings"), "12/12 (complete)\n");
        assert_string_equal(get(w, "bus/ap/ap_max_domain_id"), "255\n");
    }
}

/* An adapter without a single queue is no device, and in proposal nothing for a guest. */
static void test_last_domain_leaves(void **state)
{
    struct world *w = *state;
    static const unsigned domains[] = {4, 0x47, 0xab, 0xff};

    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "5"), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), "05.\n");
    for (unsigned i = 0; i < ARRAY_LEN(domains); i++) {
        struct command cmd = {.kind = CMD_SE_LPAR,
                              .lpar = {.what = LPAR_DOMAIN, .id = domains[i], .force = true}};

        assert_int_equal(run(w, &cmd), 0);
    }
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), "");
    assert_string_equal(get(w, MATRIX UUID1 "/matrix"), "05.\n");
}

/* Linux 7.2 filters on the arrival of any adapter, but of one older than CEX4 not if a domain comes
 * with it, which tells its type. */
static void test_old_adapter_comes_upstream(void **state)
{
    struct world *w = *state;
    struct machine_config config;

    machine_config_default(&config);
    config.abi = ABI_UPSTREAM;
    assert_int_equal(put(w, "bus/ap/aqmask", "-4,-0x47"), 0);
    assert_int_equal(put(w, "bus/ap/drivers/vfio_ap/unbind", "05.0047"), 0);
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "5"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "9"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "0x47"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "4"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_domain", "0x47"), 0);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), ".0004\n");
    set_type(&config, 9, "CEX3C");
    mask256_set(&config.usage, 7);
    machine_set(w, &config);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), ".0004\n");
    config.adapters[9].in_lpar = false;
    machine_set(w, &config);
    config.adapters[9].in_lpar = true;
    machine_set(w, &config);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), "05.0004\n");
    set_type(&config, 9, "CEX4C");
    machine_set(w, &config);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), "05.0004\n09.0004\n");
}

/* However many devices a change replaces, a guest is notified once and gets zeroized queues. */
static void test_replaced_cards_are_one_change(void **state)
{
    struct world *w = *state;
    struct machine_config config;
    struct apqn_info before, after;
    struct guest_info g;
    unsigned told = 0;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    core_apqn_info(w->core, AP_QN(5, 4), &before);
    machine_config_default(&config);
    set_type(&config, 5, "CEX7P");
    set_type(&config, 6, "CEX7C");
    machine_set(w, &config);
    for (size_t i = 0; i < w->fx.count; i++)
        told += w->fx.v[i].kind == EFFECT_GUEST_NOTIFY;
    assert_int_equal(told, 1);
    assert_int_equal(core_guest_find(w->core, "Guest1", &g), 0);
    assert_int_equal(g.config_changes, 1);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"),
                        "05.0004\n05.00ab\n06.0004\n06.00ab\n");
    core_apqn_info(w->core, AP_QN(5, 4), &after);
    assert_true(after.zeroized > before.zeroized);
}

/* write(2) of no bytes does not reach a sysfs attribute; a newline does. */
static void test_empty_write(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "bus/ap/apmask", ""), 0);
    assert_string_equal(get(w, "bus/ap/bindings"), "12/12 (complete)\n");
    assert_int_equal(put(w, "bus/ap/drivers_autoprobe", ""), 0);
    assert_string_equal(get(w, "bus/ap/drivers_autoprobe"), "1\n");
    assert_int_equal(put(w, "bus/ap/features", ""), -EIO);
    assert_int_equal(put(w, "bus/ap/apmask", "\n"), 0);
    assert_string_equal(get(w, "bus/ap/devices/05.0004/status"), "unassigned\n");
}

static int put_bytes(struct world *w, const char *path, const char *data, size_t len)
{
    struct command cmd = {.kind = CMD_STORE, .store = {.data = data, .len = len}};

    assert_int_equal(sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &cmd.store.ino), 0);
    return run(w, &cmd);
}

#define PUT(path, literal) put_bytes(w, path, literal, sizeof literal - 1)

/* What is written ends at its first NUL, except where the number of bytes counts. */
static void test_nul_ends_what_is_written(void **state)
{
    struct world *w = *state;

    assert_int_equal(PUT("bus/ap/apmask", "-5\0+5"), 0);
    assert_string_equal(get(w, "bus/ap/devices/05.0004/status"), "unassigned\n");
    assert_int_equal(PUT("bus/ap/drivers/vfio_ap/unbind", "05.0004\0\0"), 0);
    assert_int_equal(PUT("bus/ap/drivers_autoprobe", "0"), 0);
    assert_int_equal(PUT("bus/ap/drivers_autoprobe", "\0"
                                                     "0"),
                     0);
    assert_string_equal(get(w, "bus/ap/drivers_autoprobe"), "1\n");
    assert_int_equal(PUT("bus/ap/config_time", "\0"
                                               "30"),
                     -EINVAL);
    assert_int_equal(PUT("bus/ap/poll_timeout", "1000\0x"), 0);
    assert_int_equal(PUT(CREATE, UUID1 "\0\0"), -EINVAL);
    assert_int_equal(PUT(CREATE, UUID1 "\0"), 0);
    assert_int_equal(PUT(MATRIX UUID1 "/assign_adapter", "5\0 6"), 0);
    assert_int_equal(PUT(MATRIX UUID1 "/ap_config", "0x04,0x0,0x0\0, and more"), 0);
    assert_int_equal(PUT(MATRIX UUID1 "/ap_config", "0x04,0x0\0,0x0"), -EINVAL);
    assert_string_equal(get(w, MATRIX UUID1 "/matrix"), "05.\n");
    assert_int_equal(PUT("bus/ap/apmask", "\0"), 0);
    assert_non_null(strstr(get(w, "bus/ap/apmask"), "0x0000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_event),
        TEST(test_config_of_a_change_without_event),
        TEST_UPSTREAM(test_one_change_a_scan),
        TEST(test_highest_domain_falls),
        TEST(test_numbers_above_the_highest),
        TEST(test_last_domain_leaves),
        TEST_UPSTREAM(test_old_adapter_comes_upstream),
        TEST(test_replaced_cards_are_one_change),
        TEST(test_empty_write),
        TEST(test_nul_ends_what_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
