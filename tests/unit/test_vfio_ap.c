/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"
#include "vfio_ap/vfio_ap.h"

#include "unit.h"

/* The driver vfio_ap on a bus without a core, including calls that the core never makes. */

#define MATRIX "devices/vfio_ap/matrix/"
#define CREATE MATRIX "mdev_supported_types/vfio_ap-passthrough/create"
#define UUID1  "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2  "69aa1a8a-0000-4000-8000-000000000002"

struct world {
    struct machine *machine;
    struct sysfs_tree tree;
    struct vfio_ap *vfio_ap;
    struct ap_bus *bus;
    struct effects fx;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct ap_bus_params params = {.abi = abi_get(ABI_PROPOSAL), .domain = -1};
    struct machine_config config;

    machine_config_default(&config);
    w->machine = machine_new(&config);
    sysfs_tree_init(&w->tree);
    w->vfio_ap = vfio_ap_new(params.abi, &w->tree);
    w->bus = ap_bus_new(&params, machine_hw(w->machine), &w->tree);
    vfio_ap_register(w->vfio_ap, w->bus, machine_hw(w->machine));
    ap_bus_scan(w->bus, &w->fx);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    ap_bus_free(w->bus);
    vfio_ap_free(w->vfio_ap);
    machine_free(w->machine);
    effects_done(&w->fx);
    free(w);
    return 0;
}

static void put(struct world *w, const char *path, const char *value)
{
    sysfs_ino ino;

    assert_int_equal(sysfs_resolve(&w->tree, path, &ino), 0);
    assert_int_equal(sysfs_store(&w->tree, ino, value, strlen(value), &w->fx), 0);
}

/* Pending work for a device is dropped when the device is removed. */
static void test_removed_while_pending(void **state)
{
    struct world *w = *state;
    const struct ap_driver *driver = ap_bus_queue_driver(w->bus, AP_QN(5, 4));
    static const char *const removed[] = {UUID1, UUID2};

    for (unsigned i = 0; i < ARRAY_LEN(removed); i++) {
        char remove[128];

        put(w, CREATE, UUID1);
        put(w, CREATE, UUID2);
        put(w, MATRIX UUID1 "/assign_adapter", "5");
        put(w, MATRIX UUID1 "/assign_domain", "4");
        put(w, MATRIX UUID2 "/assign_adapter", "6");
        put(w, MATRIX UUID2 "/assign_domain", "4");
        driver->ops->probe(w->vfio_ap, AP_QN(5, 4), &w->fx);
        driver->ops->probe(w->vfio_ap, AP_QN(6, 4), &w->fx);
        snprintf(remove, sizeof remove, MATRIX "%s/remove", removed[i]);
        put(w, remove, "1");
        driver->ops->settle(w->vfio_ap, &w->fx);
        assert_int_equal(vfio_ap_count(w->vfio_ap), 1);
        snprintf(remove, sizeof remove, MATRIX "%s/remove", removed[!i]);
        put(w, remove, "1");
        driver->ops->settle(w->vfio_ap, &w->fx);
        assert_int_equal(vfio_ap_count(w->vfio_ap), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_removed_while_pending, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
