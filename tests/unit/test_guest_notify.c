/* SPDX-License-Identifier: MIT */
/* What the server of the guest protocol tells its clients: changes, requests to detach, interrupts.
 */
#include <unistd.h>

#include "guest_rig.h"

static void changes_are_notified_and_shown(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);

    guest_rig_expect_matrix(r, client, 2, 2, 0);
    assert_int_equal(guest_rig_admin_put(r, MATRIX UUID1 "/unassign_domain", "0xab\n", 0), 0);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_matrix(r, client, 2, 1, 0);
    assert_int_equal(guest_rig_admin_put(r, MATRIX UUID1 "/assign_control_domain", "4\n", 0), 0);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_matrix(r, client, 2, 1, 1);
    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_matrix(r, client, 0, 0, 0);
    guest_rig_expect_nothing(r, client);
    guest_rig_close(r, client);
}

static void a_client_that_does_not_read_is_notified_once(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    unsigned told = 0;

    for (int i = 0; i < 100; i++) {
        guest_rig_admin_put(r, MATRIX UUID1 "/unassign_domain", "0xab\n", 0);
        guest_rig_admin_put(r, MATRIX UUID1 "/assign_domain", "0xab\n", 0);
    }
    while (guest_rig_receive(r, client).type == GUEST_NOTIFY)
        told++;
    assert_int_equal(told, 1);
    guest_rig_close(r, client);
}

static void a_device_is_removed_when_its_guest_lets_go(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    bool replied = false;

    assert_int_equal(guest_rig_admin_put(r, MATRIX UUID1 "/remove", "1\n", 9), -EINPROGRESS);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_DETACH);
    guest_rig_expect_matrix(r, client, 0, 0, 0);
    guest_rig_close(r, client);
    for (size_t i = 0; i < r->world->fx.count; i++)
        replied |= r->world->fx.v[i].kind == EFFECT_REPLY && r->world->fx.v[i].node == 9;
    assert_true(replied);
    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID1, ENODEV, "no mediated device");
}

static void a_client_that_is_asked_detaches_the_administrators_guest(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    int client;

    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_START, "Guest1", UUID1), 0);
    client = guest_rig_guest(r, "Guest1", NULL);
    assert_int_equal(guest_rig_admin_put(r, MATRIX UUID1 "/remove", "1\n", 9), -EINPROGRESS);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_DETACH);
    guest_rig_close(r, client);
    assert_true(guest_rig_find(r, "Guest1", &guest) && !guest.attached);
}

static void what_is_open_through_vfio_is_asked_for_there(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", NULL);
    struct command command = {.kind = CMD_VFIO_OPEN, .guest = {.name = "qemu", .has_mdev = true}};
    struct guest_info guest;

    assert_true(guest_rig_find(r, "Guest1", &guest) && guest.process);
    uuid_parse(UUID1, strlen(UUID1), &command.guest.mdev);
    command.guest.process = guest.process;
    assert_int_equal(guest_rig_admin(r, &command), 0);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    assert_int_equal(guest_rig_admin_put(r, MATRIX UUID1 "/remove", "1\n", 9), -EINPROGRESS);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_nothing(r, client);
    command.kind = CMD_VFIO_CLOSE;
    assert_int_equal(guest_rig_admin(r, &command), 0);
    assert_true(guest_rig_find(r, "Guest1", &guest) && guest.connected && !guest.attached);
    guest_rig_close(r, client);
}

static void only_the_client_of_a_stopped_guest_is_disconnected(void **state)
{
    struct guest_rig *r = *state;
    int one = guest_rig_guest(r, "Guest1", UUID1), two = guest_rig_guest(r, "Guest2", UUID2);
    struct guest_info guest;

    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_STOP, "Guest1", NULL), 0);
    /* The next guest gets the number at once, and is not affected by what is left of the first. */
    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_START, "Guest1", UUID1), 0);
    guest_rig_refused(r, one, ESHUTDOWN, "stopped");
    guest_rig_close(r, one);
    assert_true(guest_rig_find(r, "Guest1", &guest) && guest_rig_find(r, "Guest2", &guest) &&
                guest.connected);
    assert_int_equal(guest_rig_pqap(r, two, TAPQ, 0x0504, 0, 0), 1);
    guest_rig_close(r, two);
}

/* The client sends a request, and its adapter answers. */
static void reply_comes(struct guest_rig *r, int client)
{
    struct guest_insn nqap = {.opcode = GUEST_OPCODE_NQAP,
                              .r1 = 2,
                              .r2 = 4,
                              .gr = {0x40000504, 0, 0},
                              .p1 = {1, 2},
                              .p2 = {0x2000, 64},
                              .data = (const uint8_t[64]){0x50},
                              .data_len = 64};
    struct command done = {.kind = CMD_JOB_DONE,
                           .job = {.data = (const uint8_t *)"reply", .len = 5}};

    assert_int_equal(guest_rig_execute(r, client, &nqap).cc, 0);
    for (size_t i = 0; i < r->world->fx.count; i++)
        if (r->world->fx.v[i].kind == EFFECT_JOB)
            done.job.id = r->world->fx.v[i].node;
    assert_int_equal(guest_rig_admin(r, &done), 0);
}

/* Without AQIC there are no notifications of replies; with it, they have its ISC and NIB. */
static void expect_interrupt(struct guest_rig *r, int client)
{
    struct guest_frame frame;

    reply_comes(r, client);
    guest_rig_expect_nothing(r, client);
    assert_int_equal(guest_rig_pqap(r, client, AQIC, 0x0504, UINT64_C(1) << 47 | 5, 0xabc0), 0);
    reply_comes(r, client);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_NOTIFY);
    assert_int_equal(frame.notify.kind, GUEST_NOTIFY_INTERRUPT);
    assert_int_equal(frame.notify.isc, 5);
    assert_int_equal(frame.notify.apqn, 0x0504);
    assert_int_equal(frame.notify.nib, 0xabc0);
    guest_rig_expect_nothing(r, client);
    guest_rig_close(r, client);
}

static void an_interrupt_has_isc_and_nib_of_aqic(void **state)
{
    struct guest_rig *r = *state;

    expect_interrupt(r, guest_rig_guest(r, "Guest1", UUID1));
}

/* A reply that a reset flushed before the notification was sent is not reported. */
static void a_reset_takes_interrupts_back(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct command reset = {.kind = CMD_CPU_RESET};
    struct guest_info guest;

    assert_int_equal(core_guest_find(r->world->core, "Guest1", &guest), 0);
    assert_int_equal(guest_rig_pqap(r, client, AQIC, 0x0504, UINT64_C(1) << 47 | 5, 0xabc0), 0);
    assert_int_equal(core_queue_aqic(r->world->core, 0x0504).nib, 0xabc0);
    reply_comes(r, client);
    reset.cpu.guest = guest.number;
    assert_int_equal(guest_rig_admin(r, &reset), 0);
    assert_false(core_queue_aqic(r->world->core, 0x0504).enable);
    guest_rig_expect_nothing(r, client);
    guest_rig_close(r, client);
}

static void an_lpar_has_interrupts_too(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_connect(r);

    guest_rig_hello(r, client, GUEST_ROLE_LPAR, FEATURES_ALL, "lpar", NULL);
    expect_interrupt(r, client);
}

#define RIG(name) cmocka_unit_test_setup_teardown(name, guest_rig_setup, guest_rig_teardown)
#define RIG_UPSTREAM(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, guest_rig_setup_upstream, guest_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(changes_are_notified_and_shown),
        RIG(a_client_that_does_not_read_is_notified_once),
        RIG_UPSTREAM(a_device_is_removed_when_its_guest_lets_go),
        RIG_UPSTREAM(a_client_that_is_asked_detaches_the_administrators_guest),
        RIG_UPSTREAM(what_is_open_through_vfio_is_asked_for_there),
        RIG(only_the_client_of_a_stopped_guest_is_disconnected),
        RIG(an_interrupt_has_isc_and_nib_of_aqic),
        RIG(a_reset_takes_interrupts_back),
        RIG(an_lpar_has_interrupts_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
