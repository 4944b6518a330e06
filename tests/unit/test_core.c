/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "core_world.h"

/* The rules of the core that need no file system. */

static void test_fresh_machine(void **state)
{
    struct world *w = *state;
    struct apqn_info q;

    assert_string_equal(get(w, "bus/ap/bindings"), "12/12 (complete)\n");
    assert_string_equal(get(w, "bus/ap/devices/card05/type"), "CEX5C\n");
    assert_string_equal(get(w, "bus/ap/drivers/cex4queue/05.0047/online"), "1\n");
    core_apqn_info(w->core, AP_QN(5, 0x47), &q);
    assert_string_equal(q.driver, "cex4queue");
    assert_true(q.zcrypt);
}

static void test_links_are_relative(void **state)
{
    struct world *w = *state;
    const struct sysfs_tree *t = core_tree(w->core, CORE_HOST_TREE);
    static const char *const links[][3] = {
        {"devices/ap/card05/05.0004", "driver", "../../../../bus/ap/drivers/cex4queue"},
        {"bus/ap/devices", "05.0004", "../../../devices/ap/card05/05.0004"},
        {"class/mdev_bus", "matrix", "../../devices/vfio_ap/matrix"},
        {MATRIX UUID1, "mdev_type", "../mdev_supported_types/vfio_ap-passthrough"},
        {MATRIX UUID1, "iommu_group", "../../../../kernel/iommu_groups/0"},
        {MATRIX UUID1 "/vfio-dev/vfio0", "device", "../../../" UUID1},
        {"kernel/iommu_groups/0/devices", UUID1, "../../../../devices/vfio_ap/matrix/" UUID1},
    };

    secure_and_create(w);
    assert_int_equal(put(w, "bus/ap/apmask", "+4"), 0);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        text_auto target = {0};
        struct sysfs_entry e;
        sysfs_ino dir;

        if (i == 0)
            assert_int_equal(put(w, MATRIX UUID1 "/unassign_domain", "4"), 0);
        if (i == 0)
            assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
        assert_int_equal(sysfs_resolve(t, links[i][0], &dir), 0);
        assert_int_equal(sysfs_lookup(t, dir, links[i][1], &e), 0);
        assert_int_equal(sysfs_readlink(t, e.ino, &target), 0);
        assert_string_equal(target.data, links[i][2]);
    }
}

static void test_assign_rules(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_string_equal(get(w, MATRIX UUID1 "/matrix"), "05.0004\n05.00ab\n06.0004\n06.00ab\n");
    assert_int_equal(put(w, MATRIX UUID2 "/assign_adapter", "5"), 0);
    assert_int_equal(put(w, MATRIX UUID2 "/assign_domain", "4"), -EADDRINUSE);
    assert_int_equal(put(w, MATRIX UUID2 "/assign_domain", "6"), -EADDRNOTAVAIL);
    assert_int_equal(put(w, MATRIX UUID2 "/assign_adapter", "256"), -ENODEV);
    assert_int_equal(put(w, MATRIX UUID2 "/assign_adapter", "5 "), -EINVAL);
    assert_string_equal(get(w, MATRIX UUID2 "/matrix"), "05.\n");
}

static void test_veto(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), -EADDRINUSE);
    assert_int_equal(put(w, "bus/ap/aqmask", "+0x47"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_domain", "4"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
}

static void test_hot_plug(void **state)
{
    struct world *w = *state;
    struct guest_info g;

    secure_and_create(w);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), "error 19");
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "4"), 0);
    assert_int_equal(core_guest_find(w->core, "Guest1", &g), 0);
    assert_int_equal(mask256_count(&g.apm), 3);
    assert_int_equal(g.config_changes, 1);
    assert_int_equal(put(w, MATRIX UUID1 "/remove", "1"), -EBUSY);
    assert_int_equal(guest(w, CMD_GUEST_MIGRATE, "Guest1", NULL), -EBUSY);
    assert_int_equal(guest(w, CMD_GUEST_STOP, "Guest1", NULL), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/remove", "1"), 0);
    assert_int_equal(sysfs_resolve(core_tree(w->core, 0), MATRIX UUID1, &(sysfs_ino){0}), -ENOENT);
}

/* Only a command builds a guest's tree; asking for the tree changes nothing. */
static void test_guest_tree(void **state)
{
    struct world *w = *state;
    struct command at = {.kind = CMD_GUEST_LOOK, .look = {.guest = 1}};
    const struct sysfs_tree *tree;

    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", NULL), 0);
    assert_null(core_tree(w->core, 1));
    assert_int_equal(run(w, &at), -ENOENT);
    look(w, 0);
    tree = core_tree(w->core, 1);
    assert_non_null(tree);
    assert_null(core_tree(w->core, 2));
    look(w, 0);
    assert_ptr_equal(core_tree(w->core, 1), tree);
    assert_int_equal(guest(w, CMD_GUEST_STOP, "Guest1", NULL), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest2", NULL), 0);
    assert_null(core_tree(w->core, 1));
}

static void test_standby_leaves_guest_and_comes_back(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    look(w, 0);
    assert_string_equal(get_in(w, 1, "bus/ap/bindings"), "4/4 (complete)\n");
    assert_int_equal(se_adapter(w, 5, false), 0);
    assert_string_equal(get(w, "devices/ap/card05/config"), "0\n");
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"), "06.0004\n06.00ab\n");
    assert_string_equal(get_in(w, 1, "bus/ap/bindings"), "2/2 (complete)\n");
    assert_int_equal(se_adapter(w, 5, true), 0);
    assert_string_equal(get(w, MATRIX UUID1 "/guest_matrix"),
                        "05.0004\n05.00ab\n06.0004\n06.00ab\n");
    assert_string_equal(get_in(w, 1, "bus/ap/bindings"), "4/4 (complete)\n");
}

static void test_an_added_adapter_is_in_standby(void **state)
{
    struct world *w = *state;

    for (unsigned apid = 4; apid <= 6; apid++)
        assert_int_equal(se_adapter(w, apid, false), 0);
    assert_int_equal(se_lpar(w, LPAR_ADAPTER, 5, false), 0);
    assert_int_equal(se_adapter(w, 5, true), 0);
    assert_int_equal(se_lpar(w, LPAR_ADAPTER, 5, true), 0);
    assert_int_equal(se_lpar(w, LPAR_DOMAIN, 9, true), 0); /* nothing is online */
}

static void test_a_usage_domain_is_a_control_domain(void **state)
{
    struct world *w = *state;
    struct host_info info;

    for (unsigned apid = 4; apid <= 6; apid++)
        assert_int_equal(se_adapter(w, apid, false), 0);
    assert_int_equal(se_lpar(w, LPAR_DOMAIN, 9, true), 0);
    core_host_info(w->core, &info);
    assert_true(mask256_test(&info.adm, 9));
    assert_int_equal(se_lpar(w, LPAR_CONTROL_DOMAIN, 9, false), -EINVAL);
    assert_int_equal(se_lpar(w, LPAR_DOMAIN, 9, false), 0);
    assert_int_equal(se_lpar(w, LPAR_CONTROL_DOMAIN, 9, false), 0);
    core_host_info(w->core, &info);
    assert_false(mask256_test(&info.adm, 9));
}

static void test_lpar_change_needs_adapters_off(void **state)
{
    struct world *w = *state;

    assert_int_equal(se_lpar(w, LPAR_DOMAIN, 9, true), -EBUSY);
    for (unsigned apid = 4; apid <= 6; apid++)
        assert_int_equal(se_adapter(w, apid, false), 0);
    assert_int_equal(se_lpar(w, LPAR_DOMAIN, 9, true), 0);
    for (unsigned apid = 4; apid <= 6; apid++)
        assert_int_equal(se_adapter(w, apid, true), 0);
    assert_string_equal(get(w, "bus/ap/bindings"), "15/15 (complete)\n");
}

static void test_remove_waits_upstream(void **state)
{
    struct world *w = *state;
    bool replied = false;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_int_equal(put_token(w, MATRIX UUID1 "/remove", "1", 77), -EINPROGRESS);
    assert_int_equal(guest(w, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    for (size_t i = 0; i < w->fx.count; i++)
        replied |= w->fx.v[i].kind == EFFECT_REPLY && w->fx.v[i].node == 77;
    assert_true(replied);
    assert_int_equal(sysfs_resolve(core_tree(w->core, 0), MATRIX UUID1, &(sysfs_ino){0}), -ENOENT);
}

static unsigned replies(const struct world *w, uint64_t token)
{
    unsigned count = 0;

    for (size_t i = 0; i < w->fx.count; i++)
        count += w->fx.v[i].kind == EFFECT_REPLY && w->fx.v[i].node == token;
    return count;
}

/* Adapters and domains of the guest, and how often it was notified by the last command. */
static unsigned given(struct world *w, unsigned *adapters, unsigned *domains)
{
    struct guest_info g;
    unsigned news = 0;

    assert_int_equal(core_guest_find(w->core, "Guest1", &g), 0);
    *adapters = mask256_count(&g.apm);
    *domains = mask256_count(&g.aqm);
    for (size_t i = 0; i < w->fx.count; i++)
        news += w->fx.v[i].kind == EFFECT_GUEST_NOTIFY && w->fx.v[i].value == NEWS_CONFIG;
    return news;
}

/* As on the real driver: the masks are cleared when the guest is asked, and set again by a plug. */
static void test_a_plug_gives_the_queues_back_while_remove_waits(void **state)
{
    struct command ask = {.kind = CMD_TIMER, .timer = {TIMER_ASK}};
    struct world *w = *state;
    unsigned adapters, domains;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    given(w, &adapters, &domains);
    assert_int_equal(adapters, 2);
    assert_int_equal(put_token(w, MATRIX UUID1 "/remove", "1", 77), -EINPROGRESS);
    assert_int_equal(given(w, &adapters, &domains), 1);
    assert_int_equal(adapters + domains, 0);
    assert_int_equal(put(w, "bus/ap/apmask", "-200"), 0); /* of no concern to it */
    assert_int_equal(given(w, &adapters, &domains), 0);
    assert_int_equal(adapters + domains, 0);
    assert_int_equal(put(w, "bus/ap/drivers/vfio_ap/unbind", "05.0004"), 0);
    assert_int_equal(given(w, &adapters, &domains), 1);
    assert_int_equal(adapters, 1);
    assert_int_equal(put(w, "bus/ap/drivers/vfio_ap/bind", "05.0004"), 0);
    assert_int_equal(given(w, &adapters, &domains), 1);
    assert_int_equal(adapters, 2);
    assert_int_equal(run(w, &ask), 0);
    assert_int_equal(given(w, &adapters, &domains), 1);
    assert_int_equal(adapters + domains, 0);
    assert_int_equal(guest(w, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    assert_int_equal(replies(w, 77), 1);
}

/* Two writers wait for the guest: one unbinds its device, the other one removes it. */
static void test_unbind_and_remove_wait_upstream(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_int_equal(put_token(w, "bus/mdev/drivers/vfio_ap_mdev/unbind", UUID1, 77), -EINPROGRESS);
    assert_int_equal(put(w, "bus/mdev/drivers/vfio_ap_mdev/unbind", UUID1), -ENODEV);
    assert_int_equal(put_token(w, MATRIX UUID1 "/remove", "1", 78), -EINPROGRESS);
    assert_int_equal(guest(w, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    assert_int_equal(replies(w, 77), 1);
    assert_int_equal(replies(w, 78), 1);
    assert_int_equal(sysfs_resolve(core_tree(w->core, 0), MATRIX UUID1, &(sysfs_ino){0}), -ENOENT);
}

static void test_unbound_device_cannot_be_attached(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(put(w, "bus/mdev/drivers/vfio_ap_mdev/unbind", UUID1), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), -ENODEV);
    assert_int_equal(put(w, MATRIX UUID1 "/remove", "1"), 0);
}

/* A name that begins with NUL is no name; as an override it would block the masks invisibly. */
static void test_override_of_no_name(void **state)
{
    struct world *w = *state;
    struct command cmd = {.kind = CMD_STORE, .store = {.data = "\0x\n", .len = 3}};

    assert_int_equal(put(w, "bus/ap/devices/05.0004/driver_override", "vfio_ap\nmore"), 0);
    assert_string_equal(get(w, "bus/ap/devices/05.0004/driver_override"), "vfio_ap\n");
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), -EINVAL);
    assert_int_equal(sysfs_resolve(core_tree(w->core, CORE_HOST_TREE),
                                   "bus/ap/devices/05.0004/driver_override", &cmd.store.ino),
                     0);
    assert_int_equal(run(w, &cmd), 0);
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
}

static void test_config_time_rearms(void **state)
{
    struct world *w = *state;
    bool armed = false;

    assert_int_equal(put(w, "bus/ap/config_time", "5\n"), 0);
    for (size_t i = 0; i < w->fx.count; i++)
        armed |= w->fx.v[i].kind == EFFECT_TIMER && w->fx.v[i].value == INT64_C(5000000000);
    assert_true(armed);
}

/* A listing from any position ends, and returns existing entries. */
static void check_positions(const struct sysfs_tree *t, sysfs_ino dir)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int near = -2; near < 200; near++) {
            uint64_t cursor = (UINT64_C(1) << bit) + (uint64_t)near;
            struct sysfs_entry e, again;
            unsigned left = 1000;

            while (--left && sysfs_next(t, dir, &cursor, &e) == 1)
                assert_int_equal(sysfs_lookup(t, dir, e.name, &again), 0);
            assert_true(left > 0);
        }
    }
}

static void test_any_position_of_a_listing(void **state)
{
    static const char *const dirs[] = {
        "bus",
        "bus/ap",
        "bus/ap/devices",
        "bus/ap/drivers",
        "devices/ap",
        "class/zcrypt",
        "bus/ap/drivers/vfio_ap",
        "devices/ap/card05",
        "devices/virtual",
        "devices/virtual/misc",
        "devices/virtual/vfio",
        "class/vfio-dev",
        "class/misc",
        "module",
        "module/ap/parameters",
        "module/zcrypt/holders",
        "module/vfio_ap/drivers",
        "sysdev/char",
        "dev",
        "devices/ap/card05/05.0004",
        "kernel/iommu_groups",
        "kernel/iommu_groups/0/devices",
        "bus/mdev/devices",
        MATRIX UUID1,
        MATRIX UUID1 "/vfio-dev",
    };
    struct world *w = *state;
    const struct sysfs_tree *t = core_tree(w->core, CORE_HOST_TREE);
    sysfs_ino dir;

    secure_and_create(w);
    check_positions(t, SYSFS_ROOT_INO);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        assert_int_equal(sysfs_resolve(t, dirs[i], &dir), 0);
        check_positions(t, dir);
    }
}

/* Every node can be found by its path, and every path leads back to the node. */
static unsigned walk(const struct sysfs_tree *t, sysfs_ino dir)
{
    struct sysfs_entry e, again;
    uint64_t cursor = 0;
    unsigned count = 0;

    while (sysfs_next(t, dir, &cursor, &e) == 1) {
        text_auto path = {0}, shown = {0};

        assert_int_equal(sysfs_lookup(t, dir, e.name, &again), 0);
        assert_true(again.ino == e.ino);
        assert_int_equal(sysfs_stat(t, e.ino, &again), 0);
        assert_int_equal(again.type, e.type);
        assert_int_equal(again.mode, e.mode);
        assert_true(sysfs_parent(t, e.ino) == dir);
        sysfs_path(t, e.ino, &path);
        assert_non_null(path.data);
        if (e.type == SYSFS_TYPE_LINK)
            assert_int_equal(sysfs_readlink(t, e.ino, &shown), 0);
        else if (e.type == SYSFS_TYPE_FILE && e.mode & 0444 && !e.device &&
                 strcmp(e.name, "guest_matrix") != 0 && e.mode != 0600 /* shows nothing */)
            assert_int_equal(sysfs_show(t, e.ino, &shown), 0);
        count += 1 + (e.type == SYSFS_TYPE_DIR ? walk(t, e.ino) : 0);
    }
    return count;
}

static void test_walk(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(put(w, "class/zcrypt/create", "mine\n"), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_true(walk(core_tree(w->core, CORE_HOST_TREE), SYSFS_ROOT_INO) > 300);
    look(w, 0);
    assert_true(walk(core_tree(w->core, 1), SYSFS_ROOT_INO) > 80);
}

static int lpar_remove_adapter(struct world *w, unsigned id)
{
    struct command cmd = {.kind = CMD_SE_LPAR,
                          .lpar = {.what = LPAR_ADAPTER, .id = id, .force = true}};

    return run(w, &cmd);
}

/* The kernel may read a link that it looked up before its device was removed. */
static void test_links_of_the_vanished(void **state)
{
    static const char *const links[][2] = {{"bus/mdev/devices", UUID1},
                                           {"bus/mdev/drivers/vfio_ap_mdev", UUID1},
                                           {"kernel/iommu_groups/0/devices", UUID1},
                                           {MATRIX UUID1, "iommu_group"},
                                           {MATRIX UUID1, "mdev_type"},
                                           {MATRIX UUID1 "/vfio-dev/vfio0", "device"},
                                           {"bus/ap/devices", "06.0004"},
                                           {"bus/ap/devices", "card06"},
                                           {"bus/ap/drivers/cex4queue", "06.0004"},
                                           {"devices/ap/card06/06.0004", "driver"},
                                           {"devices/ap/card06", "subsystem"}};
    struct world *w = *state;
    const struct sysfs_tree *t = core_tree(w->core, CORE_HOST_TREE);
    struct sysfs_entry e[ARRAY_LEN(links)];
    text_auto out = {0};

    assert_int_equal(put(w, CREATE, UUID1), 0);
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        sysfs_ino dir;

        assert_int_equal(sysfs_resolve(t, links[i][0], &dir), 0);
        assert_int_equal(sysfs_lookup(t, dir, links[i][1], &e[i]), 0);
        assert_int_equal(e[i].type, SYSFS_TYPE_LINK);
        assert_int_equal(sysfs_readlink(t, e[i].ino, &out), 0);
    }
    assert_int_equal(put(w, MATRIX UUID1 "/remove", "1"), 0);
    assert_int_equal(lpar_remove_adapter(w, 6), 0);
    text_clear(&out);
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        assert_int_equal(sysfs_readlink(t, e[i].ino, &out), -ENODEV);
        assert_int_equal(sysfs_stat(t, e[i].ino, &e[i]), -ENODEV);
    }
    assert_string_equal(out.data, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fresh_machine),
        TEST(test_links_are_relative),
        TEST(test_assign_rules),
        TEST(test_veto),
        TEST(test_hot_plug),
        TEST(test_guest_tree),
        TEST(test_standby_leaves_guest_and_comes_back),
        TEST(test_lpar_change_needs_adapters_off),
        TEST(test_an_added_adapter_is_in_standby),
        TEST(test_a_usage_domain_is_a_control_domain),
        TEST_UPSTREAM(test_remove_waits_upstream),
        TEST_UPSTREAM(test_a_plug_gives_the_queues_back_while_remove_waits),
        TEST_UPSTREAM(test_unbind_and_remove_wait_upstream),
        TEST(test_unbound_device_cannot_be_attached),
        TEST(test_override_of_no_name),
        TEST(test_config_time_rearms),
        TEST(test_walk),
        TEST(test_any_position_of_a_listing),
        TEST(test_links_of_the_vanished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
