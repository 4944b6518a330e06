/* SPDX-License-Identifier: MIT */
/* Mediated devices that processes open through VFIO: whose guest that is, and how long it lives. */
#include "core_world.h"

#define QEMU  4711u
#define OTHER 4712u

static int vfio(struct world *w, enum command_kind kind, uint32_t process, const char *mdev)
{
    struct command cmd = {.kind = kind,
                          .guest = {.name = "qemu", .process = process, .has_mdev = true}};

    assert_int_equal(uuid_parse(mdev, strlen(mdev), &cmd.guest.mdev), 0);
    return run(w, &cmd);
}

static int cpus(struct world *w, unsigned guest, uint32_t process, bool on)
{
    struct command cmd = {.kind = CMD_CPU_CONNECT,
                          .cpu = {.guest = guest, .on = on, .process = process}};

    return run(w, &cmd);
}

static int two_devices(void **state)
{
    struct world *w;

    set_up_upstream(state);
    w = *state;
    assert_int_equal(put(w, "bus/ap/apmask", "-5"), 0);
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, CREATE, UUID2), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "5"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "4"), 0);
    return 0;
}

static unsigned guests(const struct world *w)
{
    struct host_info host;

    core_host_info(w->core, &host);
    return host.guests;
}

/* Without CPUs a process is a guest as long as it has the device open. */
static void test_guest_of_a_device(void **state)
{
    struct world *w = *state;
    struct guest_info g;

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(core_guest_find(w->core, "qemu", &g), 0);
    assert_int_equal(g.process, QEMU);
    assert_true(g.attached && mask256_test(&g.apm, 5) && mask256_test(&g.aqm, 4));
    assert_int_equal(g.features, GUEST_FEATURES_ALL);
    assert_int_equal(vfio(w, CMD_VFIO_CLOSE, QEMU, UUID1), 0);
    assert_int_equal(guests(w), 0);
}

/* What GET_DEVICE_FD answers. */
static void test_refusals(void **state)
{
    struct world *w = *state;

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, "69aa1a8a-0000-4000-8000-00000000000f"), -ENODEV);
    assert_int_equal(guests(w), 0);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID2), -EPERM);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, OTHER, UUID1), -EBUSY);
    assert_int_equal(guests(w), 1);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, 0, UUID2), -EINVAL);
    /* A name that is taken is no reason. */
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, OTHER, UUID2), 0);
    assert_int_equal(core_guest_find(w->core, UUID2, &(struct guest_info){0}), 0);
}

/* A process that runs CPUs is the guest of these, before, with and after the device. */
static void test_guest_of_cpus(void **state)
{
    struct world *w = *state;
    struct command start = {.kind = CMD_GUEST_START, .guest = {.name = "Guest1", .features = 15}};
    struct guest_info g;

    assert_int_equal(run(w, &start), 0);
    assert_int_equal(cpus(w, (unsigned)w->reply.value, QEMU, true), 0);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(core_guest_find(w->core, "Guest1", &g), 0);
    assert_true(g.attached && g.connected);
    assert_int_equal(vfio(w, CMD_VFIO_CLOSE, QEMU, UUID1), 0);
    assert_int_equal(core_guest_find(w->core, "Guest1", &g), 0);
    assert_false(g.attached);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID2), 0);
}

/* CPUs that come after the device belong to its guest, which ends with both. */
static void test_cpus_come_later(void **state)
{
    struct world *w = *state;

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(cpus(w, 0, QEMU, true), 0);
    assert_int_equal(vfio(w, CMD_VFIO_CLOSE, QEMU, UUID1), 0);
    assert_int_equal(guests(w), 1);
    assert_int_equal(cpus(w, 0, QEMU, false), 0);
    assert_int_equal(guests(w), 0);

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(cpus(w, 0, QEMU, true), 0);
    assert_int_equal(cpus(w, 0, QEMU, false), 0);
    assert_int_equal(guests(w), 1);
    assert_int_equal(vfio(w, CMD_VFIO_CLOSE, QEMU, UUID1), 0);
    assert_int_equal(guests(w), 0);
}

/* A device that was taken from the guest meanwhile is not closed for its next user. */
static void test_close_of_a_former_device(void **state)
{
    struct world *w = *state;
    struct command detach = {.kind = CMD_GUEST_DETACH, .guest = {.name = "qemu"}};
    struct guest_info g;

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(run(w, &detach), 0);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID2), 0);
    assert_int_equal(vfio(w, CMD_VFIO_CLOSE, QEMU, UUID1), 0);
    assert_int_equal(core_guest_find(w->core, "qemu", &g), 0);
    assert_true(g.attached);
}

/* The writer of remove waits for the close. */
static void test_remove_waits_for_close(void **state)
{
    struct world *w = *state;
    bool replied = false;

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(put_token(w, MATRIX UUID1 "/remove", "1", 7), -EINPROGRESS);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, OTHER, UUID1), -EBUSY);
    assert_int_equal(vfio(w, CMD_VFIO_CLOSE, QEMU, UUID1), 0);
    for (size_t i = 0; i < w->fx.count; i++)
        replied |= w->fx.v[i].kind == EFFECT_REPLY && w->fx.v[i].node == 7;
    assert_true(replied);
    assert_int_equal(vfio(w, CMD_VFIO_OPEN, OTHER, UUID1), -ENODEV);
}

static void test_reset(void **state)
{
    struct world *w = *state;
    struct command off = {.kind = CMD_CHECKSTOP, .adapter = {.apid = 5, .on = true}};

    assert_int_equal(vfio(w, CMD_VFIO_OPEN, QEMU, UUID1), 0);
    assert_int_equal(vfio(w, CMD_VFIO_RESET, QEMU, UUID1), 0);
    assert_int_equal(run(w, &off), 0);
    assert_int_equal(vfio(w, CMD_VFIO_RESET, QEMU, UUID1), -EIO);
    assert_int_equal(vfio(w, CMD_VFIO_RESET, OTHER, UUID1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guest_of_a_device, two_devices, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, two_devices, tear_down),
        cmocka_unit_test_setup_teardown(test_guest_of_cpus, two_devices, tear_down),
        cmocka_unit_test_setup_teardown(test_cpus_come_later, two_devices, tear_down),
        cmocka_unit_test_setup_teardown(test_close_of_a_former_device, two_devices, tear_down),
        cmocka_unit_test_setup_teardown(test_remove_waits_for_close, two_devices, tear_down),
        cmocka_unit_test_setup_teardown(test_reset, two_devices, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
