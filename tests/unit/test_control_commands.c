/* SPDX-License-Identifier: MIT */
/* The core command of each control command, and its result. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/command.h"
#include "control/error.h"
#include "control_rig.h"
#include "core/commands.h"
#include "descriptors.h"

#include "unit.h"

#define MDEV "9d4c0f6e-0000-4000-8000-000000000001"

static void expect_json(json_t *value, const char *text)
{
    char *got = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_string_equal(got, text);
    free(got);
    json_decref(value);
}

static void test_support_element(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);

    rig_execute(r, c,
                "{\"execute\":\"se-adapter\",\"arguments\":{\"adapter\":5,\"state\":\"off\"}}");
    assert_int_equal(r->core.last.kind, CMD_SE_ADAPTER);
    assert_int_equal(r->core.last.adapter.apid, 5);
    assert_false(r->core.last.adapter.on);
    assert_false(r->core.last.adapter.force);
    rig_execute(r, c,
                "{\"execute\":\"se-adapter\",\"arguments\":{\"adapter\":255,\"state\":\"on\","
                "\"force\":true}}");
    assert_int_equal(r->core.last.adapter.apid, 255);
    assert_true(r->core.last.adapter.on);
    assert_true(r->core.last.adapter.force);
    rig_execute(r, c,
                "{\"execute\":\"se-lpar\",\"arguments\":{\"action\":\"remove\",\"kind\":"
                "\"control-domain\",\"id\":71}}");
    assert_int_equal(r->core.last.kind, CMD_SE_LPAR);
    assert_int_equal(r->core.last.lpar.what, LPAR_CONTROL_DOMAIN);
    assert_int_equal(r->core.last.lpar.id, 71);
    assert_false(r->core.last.lpar.add);
    rig_execute(r, c, "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":4,\"state\":\"on\"}}");
    assert_int_equal(r->core.last.kind, CMD_CHECKSTOP);
    assert_true(r->core.last.adapter.on);
    assert_false(r->core.last.silent);
    rig_execute(r, c,
                "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":4,\"state\":\"on\","
                "\"silent\":true}}");
    assert_true(r->core.last.silent);
    close(c);
}

static void test_sclp(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);

    r->core.value = 0x0120;
    expect_json(rig_return(r, c,
                           "{\"execute\":\"sclp\",\"arguments\":{\"command\":\"configure\","
                           "\"adapter\":26}}"),
                "{\"response_code\":\"0x0120\",\"success\":true}");
    assert_int_equal(r->core.last.sclp.word, 0x001f1a01);
    r->core.value = 0x09f0;
    expect_json(rig_return(r, c,
                           "{\"execute\":\"sclp\",\"arguments\":{\"command\":\"deconfigure\","
                           "\"adapter\":5}}"),
                "{\"response_code\":\"0x09f0\",\"success\":false}");
    assert_int_equal(r->core.last.sclp.word, 0x001e0501);
    close(c);
}

static void test_faults(void **state)
{
    struct fault_entry rules[] = {{.rule = {4, 6, 0, 255, 3, FAULT_BUSY}, .number = 1, .hits = 3},
                                  {.rule = {5, 5, 4, 4, FAULT_ALWAYS, FAULT_DELAY, 2000000},
                                   .number = 7,
                                   .left = FAULT_ALWAYS}};
    struct rig *r = *state;
    int c = rig_connect(r);

    r->core.value = 7;
    expect_json(
        rig_return(r, c, "{\"execute\":\"fault-add\",\"arguments\":{\"rule\":\"05.* 3 busy\"}}"),
        "{\"number\":7}");
    assert_int_equal(r->core.last.kind, CMD_FAULT_ADD);
    assert_string_equal(r->core.name, "05.* 3 busy");
    assert_int_equal(r->core.last.fault.len, 11);
    rig_refused(r, c, "{\"execute\":\"fault-add\",\"arguments\":{\"rule\":\"\"}}", CONTROL_ARGUMENT,
                "a string of 1 to 255 bytes");
    rig_refused(r, c, "{\"execute\":\"fault-add\",\"arguments\":{\"rule\":5}}", CONTROL_ARGUMENT,
                "a string of 1 to 255 bytes");
    r->core.faults = (struct fault_list){rules, 2, 7};
    expect_json(rig_return(r, c, "{\"execute\":\"fault-list\"}"),
                "{\"faults\":[{\"number\":1,\"rule\":\"04-06.* 3 "
                "busy\",\"left\":0,\"hits\":3,\"phase\":\"active\"},{"
                "\"number\":7,\"rule\":\"05.0004 always delay "
                "2ms\",\"left\":null,\"hits\":0,\"phase\":\"active\"}]}");
    rig_execute(r, c, "{\"execute\":\"fault-remove\",\"arguments\":{\"number\":7}}");
    assert_int_equal(r->core.last.kind, CMD_FAULT_REMOVE);
    assert_int_equal(r->core.last.fault.number, 7);
    rig_execute(r, c, "{\"execute\":\"fault-remove\",\"arguments\":{\"all\":true}}");
    assert_int_equal(r->core.last.fault.number, 0);
    rig_refused(r, c, "{\"execute\":\"fault-remove\"}", CONTROL_ARGUMENT, "number' or 'all");
    rig_refused(r, c, "{\"execute\":\"fault-remove\",\"arguments\":{\"number\":1,\"all\":true}}",
                CONTROL_ARGUMENT, "number' or 'all");
    rig_refused(r, c, "{\"execute\":\"fault-remove\",\"arguments\":{\"number\":0}}",
                CONTROL_REFUSED, "no fault 0");
    rig_refused(r, c, "{\"execute\":\"fault-remove\",\"arguments\":{\"number\":4294967296}}",
                CONTROL_REFUSED, "no fault 4294967296");
    close(c);
}

static void test_refusals_are_passed_on(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);
    json_t *reply;

    r->core.result = -EBUSY;
    r->core.why = "configure 04 off first";
    reply = rig_ask(r, c,
                    "{\"execute\":\"se-adapter\",\"arguments\":{\"adapter\":5,\"state\":"
                    "\"off\"}}");
    expect_json(reply, "{\"error\":{\"class\":\"Refused\",\"desc\":\"configure 04 off first\","
                       "\"errno\":\"EBUSY\"}}");
    r->core.why = NULL;
    rig_refused(r, c, "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"off\"}}",
                CONTROL_REFUSED, "busy");
    close(c);
}

static void test_machine_set(void **state)
{
    struct rig *r = *state;
    const struct adapter_config *a = r->core.machine.adapters;
    int c = rig_connect(r);

    rig_execute(r, c,
                "{\"execute\":\"machine-set\",\"arguments\":{\"adapters\":{\"4\":\"CEX5C\","
                "\"0x1a\":\"CEX7A\"},\"domains\":[9],\"standby\":[26],\"max_domain\":9}}");
    assert_int_equal(r->core.last.kind, CMD_MACHINE_SET);
    assert_string_equal(a[4].serial, "93AADHZU");
    assert_true(a[4].configured);
    assert_int_equal(a[5].type, 0);
    assert_int_equal(a[26].type, 13);
    assert_false(a[26].configured);
    assert_true(a[26].in_lpar);
    assert_true(mask256_test(&r->core.machine.usage, 9));
    assert_int_equal(mask256_count(&r->core.machine.usage), 1);
    assert_int_equal(mask256_count(&r->core.machine.control), 2);
    assert_int_equal(r->core.machine.max_domain, 9);
    assert_int_equal(r->core.machine.max_adapter, 63);
    rig_execute(r, c, "{\"execute\":\"machine-set\",\"arguments\":{\"checkstop\":[5]}}");
    assert_true(mask256_test(&r->core.last.machine.checkstopped, 5));
    assert_int_equal(a[5].type, 11);
    assert_false(a[5].configured);
    assert_false(r->core.last.silent);
    rig_execute(r, c, "{\"execute\":\"machine-set\",\"arguments\":{\"silent\":true}}");
    assert_true(r->core.last.silent);
    rig_refused(r, c, "{\"execute\":\"machine-set\",\"arguments\":{\"standby\":[9]}}",
                CONTROL_REFUSED, "adapter 0x09");
    assert_int_equal(r->core.executed, 3);
    close(c);
}

static void test_guests(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);

    r->core.value = 3;
    expect_json(rig_return(r, c,
                           "{\"execute\":\"guest-start\",\"arguments\":{\"name\":\"Guest1\","
                           "\"mdev\":\"" MDEV "\",\"features\":[\"ap\",\"apqci\"]}}"),
                "{\"number\":3}");
    assert_int_equal(r->core.last.kind, CMD_GUEST_START);
    assert_int_equal(r->core.last.guest.features, GUEST_AP | GUEST_APQCI);
    assert_true(r->core.last.guest.has_mdev);
    assert_true(uuid_equal(&r->core.last.guest.mdev, &fake_mdev));
    assert_string_equal(r->core.name, "Guest1");
    expect_json(
        rig_return(r, c, "{\"execute\":\"guest-show\",\"arguments\":{\"name\":\"Guest1\"}}"),
        "{\"name\":\"Guest1\",\"number\":3,\"kind\":\"light\",\"features\":[\"ap\",\"apqci\"],"
        "\"mdev\":\"" MDEV
        "\",\"adapters\":[5],\"domains\":[4],\"control_domains\":[9],\"matrix\":[\"05."
        "0004\"],\"config_changes\":7,\"release_requests\":1}");
    rig_execute(r, c, "{\"execute\":\"guest-detach\",\"arguments\":{\"name\":\"Guest1\"}}");
    assert_int_equal(r->core.last.kind, CMD_GUEST_DETACH);
    rig_execute(r, c,
                "{\"execute\":\"guest-attach\",\"arguments\":{\"name\":\"Guest1\",\"mdev\":"
                "\"" MDEV "\"}}");
    assert_int_equal(r->core.last.kind, CMD_GUEST_ATTACH);
    assert_true(r->core.last.guest.has_mdev);
    rig_execute(r, c, "{\"execute\":\"guest-migrate\",\"arguments\":{\"name\":\"Guest1\"}}");
    assert_int_equal(r->core.last.kind, CMD_GUEST_MIGRATE);
    rig_execute(r, c, "{\"execute\":\"guest-stop\",\"arguments\":{\"name\":\"Guest1\"}}");
    assert_int_equal(r->core.last.kind, CMD_GUEST_STOP);
    r->core.executed = 0;
    rig_refused(r, c, "{\"execute\":\"guest-stop\",\"arguments\":{\"name\":\"Nobody\"}}",
                CONTROL_REFUSED, "'Nobody'");
    /* QEMU opens and closes its device itself. */
    r->core.guest = true;
    r->core.process = 4711;
    rig_refused(r, c, "{\"execute\":\"guest-detach\",\"arguments\":{\"name\":\"Guest1\"}}",
                CONTROL_REFUSED, "is process 4711, which plugs and unplugs its device itself");
    rig_refused(r, c,
                "{\"execute\":\"guest-attach\",\"arguments\":{\"name\":\"Guest1\",\"mdev\":"
                "\"" MDEV "\"}}",
                CONTROL_REFUSED, "device_add");
    assert_int_equal(r->core.executed, 0);
    close(c);
}

static void start_with_lifetime(struct rig *r, int c)
{
    rig_execute(r, c,
                "{\"execute\":\"guest-start\",\"arguments\":{\"name\":\"Guest1\","
                "\"lifetime\":\"connection\"}}");
    r->core.executed = 0;
}

static void test_a_guest_ends_with_its_connection(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r), other = rig_connect(r);

    start_with_lifetime(r, c);
    close(c);
    rig_run(r);
    assert_int_equal(r->core.executed, 1);
    assert_int_equal(r->core.last.kind, CMD_GUEST_STOP);
    assert_string_equal(r->core.name, "Guest1");
    /* If the guest was stopped by another client and started again, the new one does not end with
     * this connection. */
    c = rig_connect(r);
    start_with_lifetime(r, c);
    fake_core_effect(&r->core, EFFECT_GUEST_STOPPED, "", 0);
    rig_execute(r, other, "{\"execute\":\"guest-stop\",\"arguments\":{\"name\":\"Guest1\"}}");
    rig_execute(r, other, "{\"execute\":\"guest-start\",\"arguments\":{\"name\":\"Guest1\"}}");
    r->core.executed = 0;
    close(c);
    rig_run(r);
    assert_int_equal(r->core.executed, 0);
    /* Neither if it ended otherwise, as with a reboot. */
    rig_execute(r, other, "{\"execute\":\"guest-stop\",\"arguments\":{\"name\":\"Guest1\"}}");
    c = rig_connect(r);
    start_with_lifetime(r, c);
    fake_core_effect(&r->core, EFFECT_GUEST_STOPPED, "", 0);
    rig_execute(r, other, "{\"execute\":\"reboot\"}");
    r->core.executed = 0;
    close(c);
    rig_run(r);
    assert_int_equal(r->core.executed, 0);
    close(other);
}

static void test_guest_mount_takes_its_descriptor(void **state)
{
    static const char mount[] =
        "{\"execute\":\"guest-mount\",\"arguments\":{\"name\":\"Guest1\"}}\n";
    struct rig *r = *state;
    int c = rig_connect(r), pair[2];
    char byte;

    rig_refused(r, c, "{\"execute\":\"guest-mount\",\"arguments\":{\"name\":\"Guest1\"}}",
                CONTROL_ARGUMENT, "SCM_RIGHTS");
    rig_execute(r, c, "{\"execute\":\"guest-start\",\"arguments\":{\"name\":\"Guest1\"}}");
    assert_int_equal(pipe(pair), 0);
    descriptors_send(c, mount, &pair[1], 1);
    assert_string_equal(rig_receive(r, c), "{\"return\":{}}\n");
    assert_int_equal(r->mounted_guest, 3);
    assert_int_equal(write(r->mounted_fd, "x", 1), 1);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    close(pair[0]);
    close(pair[1]);
    close(c);
}

static void test_a_listener_is_handed_over(void **state)
{
    static const char listen[] = "{\"execute\":\"seccomp-listen\"}\n";
    struct rig *r = *state;
    int c = rig_connect(r), pair[2];
    char byte;

    rig_refused(r, c, "{\"execute\":\"seccomp-listen\"}", CONTROL_ARGUMENT, "SCM_RIGHTS");
    assert_int_equal(pipe(pair), 0);
    descriptors_send(c, listen, &pair[1], 1);
    assert_string_equal(rig_receive(r, c), "{\"return\":{}}\n");
    assert_int_equal(read(pair[0], &byte, 1), 1);
    descriptors_send(c, listen, &pair[0], 1);
    assert_non_null(strstr(rig_receive(r, c), "it is no listener"));
    close(pair[0]);
    close(pair[1]);
    close(c);
}

static void test_badges(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);

    rig_execute(r, c, "{\"execute\":\"guest-start\",\"arguments\":{\"name\":\"Guest1\"}}");
    rig_send(r, c, "{\"execute\":\"badge\",\"arguments\":{\"name\":\"Guest1\"}}\n");
    assert_string_equal(rig_receive(r, c), "{\"return\":{\"badge\":4}}\n");
    rig_send(r, c, "{\"execute\":\"badge\"}\n");
    assert_string_equal(rig_receive(r, c), "{\"return\":{\"badge\":null}}\n");
    rig_refused(r, c, "{\"execute\":\"badge\",\"arguments\":{\"name\":\"Nobody\"}}",
                CONTROL_REFUSED, "there is no guest 'Nobody'");
    close(c);
}

static void test_descriptors_nobody_wants_are_closed(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r), pair[2];
    char byte;

    assert_int_equal(pipe(pair), 0);
    descriptors_send(c, "{\"execute\":\"guest-list\"}\n", &pair[1], 1);
    descriptors_send(c, "{\"execute\":\"guest-mount\",\"arguments\":{\"name\":\"Nobody\"}}\n",
                     &pair[1], 1);
    close(pair[1]);
    assert_non_null(strstr(rig_receive(r, c), "'Nobody'"));
    assert_int_equal(read(pair[0], &byte, 1), 0);
    close(pair[0]);
    close(c);
}

static void test_status(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);
    json_t *status = rig_return(r, c, "{\"execute\":\"status\"}");

    expect_json(
        json_incref(json_object_get(status, "queues")),
        "{\"total\":4,\"zcrypt\":2,\"vfio_ap\":2,\"unbound\":0,\"assigned\":2,\"in_use\":0}");
    expect_json(json_incref(json_object_get(status, "lpar")),
                "{\"adapters\":[4,5],\"domains\":[4,71],\"control_domains\":[4,71],\"max_adapter\":"
                "63,\"max_domain\":84}");
    json_decref(status);
    close(c);
}

/* Nothing is read from a client, and it gets nothing, until its study is done. */
static void test_studies(void **state)
{
    static const char map[] = "{\"execute\":\"map\",\"arguments\":{\"adapters\":[5],\"after\":"
                              "\"[machine]\"},\"id\":7}\n{\"execute\":\"guest-list\"}\n";
    struct rig *r = *state;
    int c = rig_connect(r), other = rig_connect(r);
    struct control_error error = {0};

    rig_send(r, c, map);
    assert_string_equal(rig_receive(r, c), "");
    assert_int_equal(r->study.kind, STUDY_MAP);
    assert_string_equal(r->machine, "[machine]");
    assert_null(r->study.guest);
    json_decref(rig_return(r, other, "{\"execute\":\"status\"}"));
    control_server_finish(r->server, r->ticket + 99, json_object(), NULL);
    assert_string_equal(rig_receive(r, c), "");
    control_server_finish(r->server, r->ticket, json_object(), NULL);
    assert_string_equal(rig_receive(r, c),
                        "{\"return\":{},\"id\":7}\n{\"return\":{\"guests\":[],\"socket\":null}}\n");
    rig_send(r, c, "{\"execute\":\"plan\",\"arguments\":{\"machine\":\"\",\"format\":\"sh\"}}\n");
    rig_run(r);
    assert_int_equal(r->study.kind, STUDY_PLAN);
    assert_int_equal(r->study.format, STUDY_SH);
    control_error_set(&error, CONTROL_REFUSED, EINVAL, "there is none");
    control_server_finish(r->server, r->ticket, NULL, &error);
    assert_non_null(strstr(rig_receive(r, c), "there is none"));
    control_error_done(&error);
    /* One that has gone gets nothing. */
    rig_send(r, c, map);
    rig_run(r);
    assert_int_equal(r->abandoned, 0);
    close(c);
    rig_run(r);
    assert_int_equal(r->abandoned, r->ticket);
    control_server_finish(r->server, r->ticket, json_object(), NULL);
    r->busy = true;
    rig_refused(r, other, "{\"execute\":\"explain\",\"arguments\":{\"what\":\"05.0004\"}}",
                CONTROL_REFUSED, "try again later");
    rig_refused(r, other, "{\"execute\":\"explain\"}", CONTROL_ARGUMENT, "'what' or 'refusal'");
    rig_refused(r, other, "{\"execute\":\"explain\",\"arguments\":{\"refusal\":0}}",
                CONTROL_REFUSED, "nothing was refused");
    close(other);
}

static void test_clock_and_quit(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);

    rig_refused(r, c, "{\"execute\":\"clock-advance\",\"arguments\":{\"seconds\":1}}",
                CONTROL_REFUSED, "--clock virtual");
    r->ops.virtual_clock = true;
    rig_execute(r, c, "{\"execute\":\"clock-advance\",\"arguments\":{\"seconds\":1.5}}");
    assert_int_equal(r->advanced, 1500000000u);
    assert_false(r->quit);
    rig_execute(r, c, "{\"execute\":\"quit\"}");
    assert_true(r->quit);
    close(c);
}

static void test_commands_lists_all(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);
    json_t *view = rig_return(r, c, "{\"execute\":\"commands\"}");

    assert_true(json_object_size(json_object_get(view, "commands")) > 20);
    json_decref(view);
    close(c);
}

/* A control command without a function is a core command, and its arguments are fields of that. */
static void test_fields_of_the_core(void **state)
{
    unsigned count = 0;

    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++) {
            int kind = command_find(c->name);

            if (c->run)
                continue;
            count++;
            assert_true(kind >= 0);
            for (const struct argument *a = c->arguments; a->name; a++) {
                const struct field *f =
                    field_find(command_rows[kind].fields, a->field ? a->field : a->name);
                struct command command = {0};

                assert_non_null(f);
                for (unsigned i = 0; a->choices && a->choices[i]; i++)
                    assert_null(field_parse(f, &command, a->choices[i]));
            }
        }
    assert_int_equal(count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_support_element),
        TEST(test_sclp),
        TEST(test_faults),
        TEST(test_refusals_are_passed_on),
        TEST(test_machine_set),
        TEST(test_guests),
        TEST(test_a_guest_ends_with_its_connection),
        TEST(test_guest_mount_takes_its_descriptor),
        TEST(test_badges),
        TEST(test_a_listener_is_handed_over),
        TEST(test_descriptors_nobody_wants_are_closed),
        TEST(test_status),
        TEST(test_studies),
        TEST(test_clock_and_quit),
        TEST(test_commands_lists_all),
        TEST(test_fields_of_the_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
