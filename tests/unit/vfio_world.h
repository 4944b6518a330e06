/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_VFIO_WORLD_H
#define APUS_TESTS_VFIO_WORLD_H

#include "bus_world.h"
#include "vfio_ap/vfio_ap.h"

/* The driver vfio_ap on the bus of bus_world.h: adapters 4 and 5, domains 4 and 47. No queue
 * belongs to zcrypt unless a test changes that. */

#define UUID1  "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2  "69aa1a8a-0000-4000-8000-000000000002"
#define MATRIX "devices/vfio_ap/matrix/"
#define CREATE MATRIX "mdev_supported_types/vfio_ap-passthrough/create"

static struct vfio_ap *vfio;

static inline int vfio_set_up_with(void **state, enum abi_profile abi)
{
    struct bus_world *w = world_new();

    vfio = vfio_ap_new(abi_get(abi), &w->tree);
    bus_new(w, abi, (struct mask256){0});
    vfio_ap_register(vfio, w->bus, fake_hw_of(&w->hw));
    scan(w);
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, CREATE, UUID2), 0);
    *state = w;
    return 0;
}

static inline int vfio_set_up(void **state)
{
    return vfio_set_up_with(state, ABI_PROPOSAL);
}

static inline int vfio_set_up_upstream(void **state)
{
    return vfio_set_up_with(state, ABI_UPSTREAM);
}

static inline int vfio_tear_down(void **state)
{
    int rc = tear_down(state);

    vfio_ap_free(vfio);
    return rc;
}

static inline struct mdev *mdev_of(const char *text)
{
    struct uuid uuid;

    assert_int_equal(uuid_parse(text, strlen(text), &uuid), 0);
    return vfio_ap_find(vfio, &uuid);
}

static inline int assign(struct bus_world *w, const char *uuid, const char *what, const char *id)
{
    char path[128];

    snprintf(path, sizeof path, MATRIX "%s/%s", uuid, what);
    return put(w, path, id);
}

/* "apids / apqis" of a product, in decimal. */
static inline const char *product(const struct apcb *a)
{
    static char text[256];
    size_t len = 0;

    mask256_for_each (apid, &a->apm)
        len += (size_t)snprintf(text + len, sizeof text - len, "%u ", apid);
    len += (size_t)snprintf(text + len, sizeof text - len, "/");
    mask256_for_each (apqi, &a->aqm)
        len += (size_t)snprintf(text + len, sizeof text - len, " %u", apqi);
    return text;
}

#define VFIO_TEST(name) cmocka_unit_test_setup_teardown(name, vfio_set_up, vfio_tear_down)
#define VFIO_TEST_UPSTREAM(name)                                                                   \
    cmocka_unit_test_setup_teardown(name, vfio_set_up_upstream, vfio_tear_down)

#endif
