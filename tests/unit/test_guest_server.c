/* SPDX-License-Identifier: MIT */
/* Guests and the LPAR as clients of the guest socket, with a real core and its administrator. */
#include <stdio.h>
#include <unistd.h>

#include "guest_rig.h"

#define UUID_NONE "00000000-1111-2222-3333-444444444444"

static void a_client_is_a_guest_as_long_as_it_is_connected(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct guest_info guest;
    uint32_t before;

    assert_true(guest_rig_find(r, "Guest1", &guest));
    assert_true(guest.attached && guest.connected);
    assert_int_equal(guest.features, FEATURES_ALL);
    assert_int_equal(guest_rig_pqap(r, client, TAPQ, 0x0504, 0, 0), 0);
    assert_int_equal(guest_rig_pqap(r, client, TAPQ, 0x0505, 0, 0), 1);
    before = guest_rig_zeroized(r, 0x0504);
    guest_rig_close(r, client);
    assert_false(guest_rig_find(r, "Guest1", &guest));
    assert_int_equal(guest_rig_zeroized(r, 0x0504), before + 1);
    client = guest_rig_guest(r, "Guest1", UUID1);
    guest_rig_close(r, client);
}

/* A guest may get a device later, and one without a name is called after its process. */
static void a_guest_starts_without_a_device(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    char name[32];
    int client = guest_rig_guest(r, "Guest1", NULL);

    assert_true(guest_rig_find(r, "Guest1", &guest));
    assert_false(guest.attached);
    assert_int_equal(guest.process, getpid());
    guest_rig_close(r, client);
    assert_false(guest_rig_find(r, "Guest1", &guest));
    snprintf(name, sizeof name, "process-%d", (int)getpid());
    client = guest_rig_guest(r, "", NULL);
    assert_true(guest_rig_find(r, name, &guest));
    guest_rig_close(r, client);
}

static void an_impossible_hello_is_refused_with_a_reason(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    int client;

    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID_NONE, ENODEV,
                           "no mediated device 00000000");
    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "-x", UUID1, EINVAL, "is not a valid guest name");
    guest_rig_refuse_hello(r, GUEST_ROLE_LPAR, "lpar", UUID1, EINVAL,
                           "an LPAR has no mediated device");
    assert_false(guest_rig_find(r, "Guest1", &guest));
    client = guest_rig_guest(r, "Guest1", UUID1);
    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "Guest2", UUID1, EBUSY, "is used by guest Guest1");
    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID1, EBUSY,
                           "is already connected to another client");
    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID2, EPERM, "another mediated device");
    guest_rig_refuse_hello(r, GUEST_ROLE_LPAR, "lpar", NULL, EBUSY, "guests are running");
    guest_rig_expect_matrix(r, client, 2, 2, 0);
    assert_int_equal(r->logged, 0);
    guest_rig_close(r, client);
}

static void a_guest_without_a_name_gets_that_of_its_device(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "", UUID1);
    struct guest_info guest;

    assert_true(guest_rig_find(r, UUID1, &guest));
    guest_rig_close(r, client);
}

static void a_guest_of_the_administrator_outlives_its_client(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    uint32_t before;
    int client;

    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_START, "Guest1", UUID1), 0);
    client = guest_rig_guest(r, "Guest1", NULL);
    assert_true(guest_rig_find(r, "Guest1", &guest) && guest.connected);
    guest_rig_expect_matrix(r, client, 2, 2, 0);
    before = guest_rig_zeroized(r, 0x0604);
    guest_rig_close(r, client);
    assert_true(guest_rig_find(r, "Guest1", &guest) && !guest.connected && guest.attached);
    assert_int_equal(guest_rig_zeroized(r, 0x0604), before + 1);
    client = guest_rig_guest(r, "", UUID1);
    guest_rig_refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", NULL, EBUSY,
                           "is already connected to another client");
    guest_rig_close(r, client);
    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    client = guest_rig_guest(r, "Guest1", UUID1);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    guest_rig_expect_matrix(r, client, 2, 2, 0);
    guest_rig_close(r, client);
}

static void features_are_those_that_both_have(void **state)
{
    struct guest_rig *r = *state;
    struct command start = {.kind = CMD_GUEST_START,
                            .guest = {.name = "Old", .features = GUEST_AP | GUEST_APFT}};
    struct guest_insn qci = {.opcode = GUEST_OPCODE_PQAP, .gr = {QCI << 24, 0, 0x1000}};
    int client = guest_rig_connect(r);
    struct guest_frame answer;

    assert_int_equal(guest_rig_admin(r, &start), 0);
    answer = guest_rig_hello(r, client, GUEST_ROLE_GUEST, GUEST_FEATURE_AP | GUEST_FEATURE_APQCI,
                             "Old", NULL);
    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, GUEST_FEATURE_AP);
    assert_int_equal(guest_rig_execute(r, client, &qci).program_check, PGM_SPECIFICATION);
    guest_rig_close(r, client);
}

static void a_client_that_only_asks_for_features_is_no_guest(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_connect(r);
    struct guest_frame answer =
        guest_rig_hello(r, client, GUEST_ROLE_NONE, FEATURES_ALL, "Guest1", NULL);
    struct guest_info guest;

    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, FEATURES_ALL);
    assert_int_equal(guest_rig_receive(r, client).type, 0);
    assert_false(guest_rig_find(r, "Guest1", &guest));
    close(client);
}

static void reset_zeroizes_only_the_guests_queues(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    uint32_t own = guest_rig_zeroized(r, 0x0504), others = guest_rig_zeroized(r, 0x0547);
    struct guest_frame frame = {.type = GUEST_RESET, .id = 3};

    guest_rig_send(r, client, &frame);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_RESET_REPLY);
    assert_int_equal(frame.id, 3);
    assert_int_equal(guest_rig_zeroized(r, 0x0504), own + 1);
    assert_int_equal(guest_rig_zeroized(r, 0x0547), others);
    guest_rig_close(r, client);
}

static uint16_t servc(struct guest_rig *r, int client, uint32_t word)
{
    struct guest_frame frame = {.type = GUEST_SERVC, .id = 4, .servc = {word}};

    guest_rig_send(r, client, &frame);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_SERVC_REPLY);
    return frame.servc_reply.response;
}

static void an_lpar_has_the_machine_to_itself(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_connect(r);
    struct guest_frame answer =
        guest_rig_hello(r, client, GUEST_ROLE_LPAR, FEATURES_ALL, "lpar", NULL);
    struct mask256 adapters;
    struct host_info host;

    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, FEATURES_ALL);
    core_host_info(r->world->core, &host);
    adapters = host.apm;
    guest_rig_expect_matrix(r, client, mask256_count(&adapters), mask256_count(&host.aqm),
                            mask256_count(&host.adm));
    assert_int_equal(servc(r, client, GUEST_SERVC_DECONFIGURE | 5 << 8), 0x0020);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    assert_int_equal(servc(r, client, GUEST_SERVC_DECONFIGURE | 5 << 8), 0x0120);
    assert_int_equal(guest_rig_pqap(r, client, TAPQ, 0x0504, 0, 0), 3);
    assert_int_equal(servc(r, client, GUEST_SERVC_CONFIGURE | 5 << 8), 0x0020);
    guest_rig_expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    assert_int_equal(servc(r, client, GUEST_SERVC_CONFIGURE | 0xee << 8), 0x09f0);
    guest_rig_refuse_hello(r, GUEST_ROLE_LPAR, "lpar", NULL, EBUSY,
                           "already connected as the LPAR");
    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_START, "Guest1", NULL), -EBUSY);
    guest_rig_close(r, client);
    assert_int_equal(guest_rig_admin_guest(r, CMD_GUEST_START, "Guest1", NULL), 0);
}

static void a_guest_configures_nothing(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct guest_frame frame = {
        .type = GUEST_SERVC, .id = 4, .servc = {GUEST_SERVC_DECONFIGURE | 5 << 8}};
    struct guest_info guest;

    guest_rig_send(r, client, &frame);
    guest_rig_refused(r, client, EPERM, "cannot configure");
    assert_false(guest_rig_find(r, "Guest1", &guest));
    close(client);
}

#define RIG(name) cmocka_unit_test_setup_teardown(name, guest_rig_setup, guest_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(a_client_is_a_guest_as_long_as_it_is_connected),
        RIG(a_guest_starts_without_a_device),
        RIG(an_impossible_hello_is_refused_with_a_reason),
        RIG(a_guest_without_a_name_gets_that_of_its_device),
        RIG(a_guest_of_the_administrator_outlives_its_client),
        RIG(features_are_those_that_both_have),
        RIG(a_client_that_only_asks_for_features_is_no_guest),
        RIG(reset_zeroizes_only_the_guests_queues),
        RIG(an_lpar_has_the_machine_to_itself),
        RIG(a_guest_configures_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
