/* SPDX-License-Identifier: MIT */
#include "base/synth.h"

#include "core_world.h"

/* The uevents of the core: which, in what order, with which variables [uevents-variables]
 * [uevents-order]. The machine is the default one: adapters 4 (EP11), 5 (CCA), 6 (accelerator), and
 * domains 4, 47, ab, ff. */

/* All uevents, one a line, the variables separated by blanks. */
static const char *events(struct world *w)
{
    text_clear(&w->got);
    text_adds(&w->got, "");
    for (size_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.v[i];
        const char *text = effect_text(&w->fx, e);

        if (e->kind != EFFECT_UEVENT)
            continue;
        assert_int_equal(text[e->len - 1], '\0');
        for (size_t at = 0; at < e->len; at += strlen(text + at) + 1)
            text_addf(&w->got, "%s%s", at ? " " : "", text + at);
        text_adds(&w->got, "\n");
    }
    return w->got.data;
}

/* "action path" of each, without the leading devices/ap/. */
static const char *order(struct world *w)
{
    text_clear(&w->got);
    text_adds(&w->got, "");
    for (size_t i = 0; i < w->fx.count; i++) {
        const char *action = effect_text(&w->fx, &w->fx.v[i]) + strlen("ACTION=");
        const char *path;

        if (w->fx.v[i].kind != EFFECT_UEVENT)
            continue;
        path = action + strlen(action) + 1 + strlen("DEVPATH=/devices/");
        text_addf(&w->got, "%s %s\n", action, path);
    }
    return w->got.data;
}

static void start_announces_parents_first(void **state)
{
    struct world *w = *state;
    const char *got = order(w);
    static const char first[] = "add ap/card04\nbind ap/card04\n"
                                "add ap/card04/04.0004\nbind ap/card04/04.0004\n"
                                "add ap/card04/04.0047\nbind ap/card04/04.0047\n";
    static const char last[] = "add ap/card06/06.00ff\nbind ap/card06/06.00ff\n"
                               "change ap\nchange ap\nchange vfio_ap/matrix\n";

    assert_memory_equal(got, first, strlen(first));
    assert_string_equal(got + strlen(got) - strlen(last), last);
    got = events(w);
    assert_non_null(strstr(got, "ACTION=change DEVPATH=/devices/ap SUBSYSTEM=ap INITSCAN=done\n"
                                "ACTION=change DEVPATH=/devices/ap SUBSYSTEM=ap "
                                "BINDINGS=complete COMPLETECOUNT=1\n"
                                "ACTION=change DEVPATH=/devices/vfio_ap/matrix SUBSYSTEM=matrix "
                                "MDEV_STATE=registered DRIVER=vfio_ap\n"));
    assert_non_null(strstr(got, "ACTION=add DEVPATH=/devices/ap/card05 SUBSYSTEM=ap "
                                "DEVTYPE=ap_card DEV_TYPE=000B MODALIAS=ap:t0B MODE=cca\n"
                                "ACTION=bind DEVPATH=/devices/ap/card05 SUBSYSTEM=ap "
                                "DEVTYPE=ap_card DRIVER=cex4card DEV_TYPE=000B MODALIAS=ap:t0B "
                                "MODE=cca\n"
                                "ACTION=add DEVPATH=/devices/ap/card05/05.0004 SUBSYSTEM=ap "
                                "DEVTYPE=ap_queue MODE=cca\n"
                                "ACTION=bind DEVPATH=/devices/ap/card05/05.0004 SUBSYSTEM=ap "
                                "DEVTYPE=ap_queue DRIVER=cex4queue MODE=cca\n"));
}

#define FF60 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/* Queue by queue, then the root device; the value ends with a newline. */
static void mask_write_rebinds_in_order(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    assert_string_equal(
        events(w),
        "ACTION=unbind DEVPATH=/devices/ap/card04/04.0004 SUBSYSTEM=ap DEVTYPE=ap_queue "
        "MODE=ep11\n"
        "ACTION=bind DEVPATH=/devices/ap/card04/04.0004 SUBSYSTEM=ap DEVTYPE=ap_queue "
        "DRIVER=vfio_ap MODE=ep11\n"
        "ACTION=unbind DEVPATH=/devices/ap/card05/05.0004 SUBSYSTEM=ap DEVTYPE=ap_queue MODE=cca\n"
        "ACTION=bind DEVPATH=/devices/ap/card05/05.0004 SUBSYSTEM=ap DEVTYPE=ap_queue "
        "DRIVER=vfio_ap MODE=cca\n"
        "ACTION=unbind DEVPATH=/devices/ap/card06/06.0004 SUBSYSTEM=ap DEVTYPE=ap_queue "
        "MODE=accel\n"
        "ACTION=bind DEVPATH=/devices/ap/card06/06.0004 SUBSYSTEM=ap DEVTYPE=ap_queue "
        "DRIVER=vfio_ap MODE=accel\n"
        "ACTION=change DEVPATH=/devices/ap SUBSYSTEM=ap AQMASK=0xf7ff" FF60 "\n\n");
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_string_equal(
        events(w),
        "ACTION=change DEVPATH=/devices/ap SUBSYSTEM=ap BINDINGS=complete COMPLETECOUNT=2\n");
    /* The same again changes nothing and says nothing. */
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    assert_string_equal(events(w), "");
    assert_int_equal(put(w, "bus/ap/apmask", "-0x20"), 0);
    assert_string_equal(events(w), "ACTION=change DEVPATH=/devices/ap SUBSYSTEM=ap APMASK=0x"
                                   "ffffffff7fffffffffffffffffffffffffffffff"
                                   "ffffffffffffffffffffffff\n\n");
}

static void mediated_device_comes_and_goes(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_string_equal(
        events(w), "ACTION=add DEVPATH=/" MATRIX UUID1 " SUBSYSTEM=mdev\n"
                   "ACTION=add DEVPATH=/devices/virtual/vfio/0 SUBSYSTEM=vfio MAJOR=254 MINOR=0 "
                   "DEVNAME=vfio/0\n"
                   "ACTION=add DEVPATH=/" MATRIX UUID1 "/vfio-dev/vfio0 SUBSYSTEM=vfio-dev\n"
                   "ACTION=bind DEVPATH=/" MATRIX UUID1 " SUBSYSTEM=mdev DRIVER=vfio_ap_mdev\n");
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "5"), 0);
    assert_string_equal(events(w), "");
    assert_int_equal(put(w, MATRIX UUID1 "/remove", "1"), 0);
    assert_string_equal(
        events(w), "ACTION=remove DEVPATH=/" MATRIX UUID1 "/vfio-dev/vfio0 SUBSYSTEM=vfio-dev\n"
                   "ACTION=remove DEVPATH=/devices/virtual/vfio/0 SUBSYSTEM=vfio MAJOR=254 "
                   "MINOR=0 DEVNAME=vfio/0\n"
                   "ACTION=unbind DEVPATH=/" MATRIX UUID1 " SUBSYSTEM=mdev\n"
                   "ACTION=remove DEVPATH=/" MATRIX UUID1 " SUBSYSTEM=mdev\n");
}

static void refused_writes_are_silent(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, CREATE, UUID1), -EEXIST);
    assert_string_equal(events(w), "");
    assert_int_equal(put(w, "bus/ap/aqmask", "garbage"), -EINVAL);
    assert_string_equal(events(w), "");
}

static void standby_changes_card_then_queues(void **state)
{
    struct world *w = *state;

    assert_int_equal(se_adapter(w, 5, false), 0);
    assert_string_equal(
        events(w),
        "ACTION=change DEVPATH=/devices/ap/card05 SUBSYSTEM=ap CONFIG=0 DEVTYPE=ap_card "
        "DRIVER=cex4card DEV_TYPE=000B MODALIAS=ap:t0B MODE=cca\n"
        "ACTION=change DEVPATH=/devices/ap/card05/05.0004 SUBSYSTEM=ap CONFIG=0 DEVTYPE=ap_queue "
        "DRIVER=cex4queue MODE=cca\n"
        "ACTION=change DEVPATH=/devices/ap/card05/05.0047 SUBSYSTEM=ap CONFIG=0 DEVTYPE=ap_queue "
        "DRIVER=cex4queue MODE=cca\n"
        "ACTION=change DEVPATH=/devices/ap/card05/05.00ab SUBSYSTEM=ap CONFIG=0 DEVTYPE=ap_queue "
        "DRIVER=cex4queue MODE=cca\n"
        "ACTION=change DEVPATH=/devices/ap/card05/05.00ff SUBSYSTEM=ap CONFIG=0 DEVTYPE=ap_queue "
        "DRIVER=cex4queue MODE=cca\n");
    assert_int_equal(se_adapter(w, 5, true), 0);
    assert_string_equal(order(w), "change ap/card05\n"
                                  "change ap/card05/05.0004\n"
                                  "change ap/card05/05.0047\n"
                                  "change ap/card05/05.00ab\n"
                                  "change ap/card05/05.00ff\n");
    assert_non_null(strstr(events(w), "/card05/05.0047 SUBSYSTEM=ap CONFIG=1 "));
    /* Through sysfs. The second write changes nothing, but the card sends the uevent again. */
    assert_int_equal(put(w, "devices/ap/card05/config", "0"), 0);
    assert_int_equal(put(w, "devices/ap/card05/config", "0"), 0);
    assert_string_equal(order(w), "change ap/card05\n");
}

static void online_is_told(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "devices/ap/card05/05.0004/online", "0"), 0);
    assert_string_equal(events(w), "ACTION=change DEVPATH=/devices/ap/card05/05.0004 SUBSYSTEM=ap "
                                   "ONLINE=0 DEVTYPE=ap_queue DRIVER=cex4queue MODE=cca\n");
    assert_int_equal(put(w, "devices/ap/card05/online", "0"), 0);
    assert_string_equal(order(w), "change ap/card05\n"
                                  "change ap/card05/05.0047\n"
                                  "change ap/card05/05.00ab\n"
                                  "change ap/card05/05.00ff\n");
    assert_non_null(strstr(events(w), "DEVPATH=/devices/ap/card05 SUBSYSTEM=ap ONLINE=0 "));
}

static void adapter_leaves_children_first(void **state)
{
    struct world *w = *state;
    struct command cmd = {.kind = CMD_SE_LPAR,
                          .lpar = {.what = LPAR_ADAPTER, .id = 6, .force = true}};

    assert_int_equal(run(w, &cmd), 0);
    assert_string_equal(order(w), "unbind ap/card06/06.0004\nremove ap/card06/06.0004\n"
                                  "unbind ap/card06/06.0047\nremove ap/card06/06.0047\n"
                                  "unbind ap/card06/06.00ab\nremove ap/card06/06.00ab\n"
                                  "unbind ap/card06/06.00ff\nremove ap/card06/06.00ff\n"
                                  "unbind ap/card06\nremove ap/card06\n");
    /* An unbind event has no MODALIAS; that of the removal has it, and neither names a driver. */
    assert_non_null(strstr(events(w),
                           "ACTION=unbind DEVPATH=/devices/ap/card06 SUBSYSTEM=ap DEVTYPE=ap_card "
                           "DEV_TYPE=000B MODE=accel\n"
                           "ACTION=remove DEVPATH=/devices/ap/card06 SUBSYSTEM=ap DEVTYPE=ap_card "
                           "DEV_TYPE=000B MODALIAS=ap:t0B MODE=accel\n"));
}

static void nobody_listens(void **state)
{
    struct world *w = *state;

    w->fx.want_uevents = false;
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "-4"), 0);
    assert_int_equal(put(w, "devices/ap/card05/uevent", "add"), 0);
    assert_string_equal(events(w), "");
    /* What is wrong is still wrong. */
    assert_int_equal(put(w, "devices/ap/card05/uevent", "nonsense"), -EINVAL);
}

#define SYNTH_UUID "12345678-9ABC-def0-1234-56789abcdef0"

static void synthetic_of_every_object(void **state)
{
    static const struct {
        const char *path, *event;
    } cases[] = {
        {"bus/ap", "/bus/ap SUBSYSTEM=bus SYNTH_UUID=0"},
        {"bus/mdev", "/bus/mdev SUBSYSTEM=bus SYNTH_UUID=0"},
        {"bus/matrix", "/bus/matrix SUBSYSTEM=bus SYNTH_UUID=0"},
        {"bus/ap/drivers/vfio_ap", "/bus/ap/drivers/vfio_ap SUBSYSTEM=drivers SYNTH_UUID=0"},
        {"bus/mdev/drivers/vfio_ap_mdev",
         "/bus/mdev/drivers/vfio_ap_mdev SUBSYSTEM=drivers SYNTH_UUID=0"},
        {"bus/matrix/drivers/vfio_ap",
         "/bus/matrix/drivers/vfio_ap SUBSYSTEM=drivers SYNTH_UUID=0"},
        {"devices/ap", "/devices/ap SUBSYSTEM=ap SYNTH_UUID=0"},
        {"devices/ap/card05", "/devices/ap/card05 SUBSYSTEM=ap SYNTH_UUID=0 DEVTYPE=ap_card "
                              "DRIVER=cex4card DEV_TYPE=000B MODALIAS=ap:t0B MODE=cca"},
        {"bus/ap/devices/05.0004",
         "/devices/ap/card05/05.0004 SUBSYSTEM=ap SYNTH_UUID=0 DEVTYPE=ap_queue DRIVER=cex4queue "
         "MODE=cca"},
        {"devices/vfio_ap/matrix",
         "/devices/vfio_ap/matrix SUBSYSTEM=matrix SYNTH_UUID=0 DRIVER=vfio_ap"},
        {MATRIX UUID1, "/" MATRIX UUID1 " SUBSYSTEM=mdev SYNTH_UUID=0 DRIVER=vfio_ap_mdev"},
        {MATRIX UUID1 "/vfio-dev/vfio0",
         "/" MATRIX UUID1 "/vfio-dev/vfio0 SUBSYSTEM=vfio-dev SYNTH_UUID=0"},
        {"devices/virtual/zcrypt/mine", "/devices/virtual/zcrypt/mine SUBSYSTEM=zcrypt "
                                        "SYNTH_UUID=0 MAJOR=250 MINOR=0 DEVNAME=mine"},
    };
    struct world *w = *state;

    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, "class/zcrypt/create", "mine"), 0);
    assert_string_equal(events(w), "ACTION=add DEVPATH=/devices/virtual/zcrypt/mine "
                                   "SUBSYSTEM=zcrypt MAJOR=250 MINOR=0 DEVNAME=mine\n");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        text_auto path = {0}, event = {0};

        text_addf(&path, "%s/uevent", cases[i].path);
        text_addf(&event, "ACTION=add DEVPATH=%s\n", cases[i].event);
        assert_int_equal(put(w, path.data, "add\n"), 0);
        assert_string_equal(events(w), event.data);
        assert_int_equal(put(w, path.data, "adds"), -EINVAL);
        assert_string_equal(events(w), "");
    }
    /* A device without bus and class is filtered out. */
    assert_int_equal(put(w, "devices/vfio_ap/uevent", "change"), 0);
    assert_string_equal(events(w), "");
    assert_int_equal(put(w, "devices/vfio_ap/uevent", "changed"), -EINVAL);
}

static void synthetic_arguments(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "devices/ap/card04/uevent", "change " SYNTH_UUID " A=1 Bc2=xY9\n"), 0);
    assert_string_equal(events(w), "ACTION=change DEVPATH=/devices/ap/card04 SUBSYSTEM=ap "
                                   "SYNTH_UUID=" SYNTH_UUID " SYNTH_ARG_A=1 SYNTH_ARG_Bc2=xY9 "
                                   "DEVTYPE=ap_card DRIVER=cex4card DEV_TYPE=000B MODALIAS=ap:t0B "
                                   "MODE=ep11\n");
    assert_int_equal(put(w, "devices/ap/card04/uevent", "unbind"), 0);
    assert_null(strstr(events(w), "MODALIAS"));
}

/* Each as answered by a real kernel. */
static void synthetic_grammar(void **state)
{
    static const char *const good[] = {"add",
                                       "remove",
                                       "change\n",
                                       "move",
                                       "online",
                                       "offline",
                                       "bind",
                                       "unbind",
                                       "add " SYNTH_UUID,
                                       "add " SYNTH_UUID "\n",
                                       "add " SYNTH_UUID " A=1 B=2",
                                       "add " SYNTH_UUID " \xe4=\xdf"};
    static const char *const bad[] = {"",
                                      "\n",
                                      "change\n\n",
                                      " add",
                                      "add ",
                                      "add  ",
                                      "ADD",
                                      "ad",
                                      "addx",
                                      "add\t" SYNTH_UUID,
                                      "add\n" SYNTH_UUID,
                                      "add 1234",
                                      "add " SYNTH_UUID " ",
                                      "add " SYNTH_UUID "A=1",
                                      "add " SYNTH_UUID "  A=1",
                                      "add " SYNTH_UUID " A",
                                      "add " SYNTH_UUID " A=",
                                      "add " SYNTH_UUID " =1",
                                      "add " SYNTH_UUID " A=1=2",
                                      "add " SYNTH_UUID " A=1 ",
                                      "add " SYNTH_UUID " A_B=1",
                                      "add " SYNTH_UUID " A=b-c",
                                      "add " SYNTH_UUID " \xd7=1",
                                      "add " SYNTH_UUID " \xaa=1"};
    struct synth s;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(synth_parse(good[i], strlen(good[i]), &s), 0);
        assert_memory_equal(s.action, good[i], strlen(s.action));
        synth_done(&s);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(synth_parse(bad[i], strlen(bad[i]), &s), -EINVAL);
    assert_int_equal(synth_parse("add", 4, &s), 0);
    assert_string_equal(s.action, "add");
    assert_int_equal(s.vars.len, sizeof "SYNTH_UUID=0");
    synth_done(&s);
    assert_int_equal(synth_parse("add\0\n", 5, &s), -EINVAL);
    assert_int_equal(synth_parse("add\0remove", 10, &s), -EINVAL);
}

static int put_pairs(struct world *w, unsigned count, size_t value_len)
{
    text_auto value = {0};

    text_adds(&value, "add " SYNTH_UUID);
    for (unsigned i = 0; i < count; i++) {
        text_addf(&value, " A%u=", i);
        for (size_t j = 0; j < value_len; j++)
            text_adds(&value, "x");
    }
    return put(w, "devices/ap/uevent", value.data);
}

/* 64 variables, of which four are ACTION, DEVPATH, SUBSYSTEM and SEQNUM; 2048 bytes. */
static void synthetic_limits(void **state)
{
    struct world *w = *state;

    assert_int_equal(put_pairs(w, 59, 1), 0);
    assert_int_equal(put_pairs(w, 60, 1), -ENOMEM);
    assert_string_equal(events(w), "");
    assert_int_equal(put_pairs(w, 63, 1), -ENOMEM);
    assert_int_equal(put_pairs(w, 64, 1), -EINVAL);
    assert_int_equal(put_pairs(w, 1, 1000), 0);
    assert_int_equal(put_pairs(w, 1, 1900), 0);
    assert_int_equal(put_pairs(w, 1, 1960), -ENOMEM);
    assert_int_equal(put_pairs(w, 1, 1986), -ENOMEM);
    assert_int_equal(put_pairs(w, 1, 1987), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(start_announces_parents_first),
        TEST(mask_write_rebinds_in_order),
        TEST(mediated_device_comes_and_goes),
        TEST(refused_writes_are_silent),
        TEST(standby_changes_card_then_queues),
        TEST(online_is_told),
        TEST(adapter_leaves_children_first),
        TEST(nobody_listens),
        TEST(synthetic_of_every_object),
        TEST(synthetic_arguments),
        TEST(synthetic_grammar),
        TEST(synthetic_limits),
        TEST_UPSTREAM(mask_write_rebinds_in_order),
        TEST_UPSTREAM(mediated_device_comes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
