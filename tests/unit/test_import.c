/* SPDX-License-Identifier: MIT */
/* What Linux shows: sysfs, lszcrypt and the command line; and what contradicts itself or is
 * missing. */
#include "import/member.h"

#include "import_world.h"

static void test_lszcrypt_is_hexadecimal(void **state)
{
    struct known *k = known_new();
    struct adapter_info a;
    struct core *core;

    give(k, "l.txt", TABLE);
    core = make(k);
    assert_true(is_type(core, 10, "CEX7C"));
    assert_true(is_type(core, 16, "CEX8P"));
    core_adapter_info(core, 16, &a);
    assert_false(a.online);
    assert_string_equal(queue(core, 10, 4).driver, "cex4queue");
    assert_string_equal(queue(core, 10, 0x47).driver, "vfio_ap");
    assert_true(queue(core, 10, 16).zcrypt);
    assert_noted(k, NOTE_ASSUMED, "aqmask is all but domains 0x47");
    assert_noted(k, NOTE_ASSUMED, "in which queues are listed: 4,0x10,0x47");
    core_free(core);
    known_free(k);
}

static void test_lszcrypt_of_old_tools_and_its_other_tables(void **state)
{
    struct known *k = known_new();
    struct host_info host;
    struct core *core;

    give(k, "a",
         "CARD.DOMAIN TYPE  MODE        STATUS   REQUESTS\n"
         "-----------------------------------------------\n"
         "04          CEX5A Accelerator online          0\n"
         "04.0004     CEX5A Accelerator online          0\n");
    give(k, "b",
         "features: APSC APXA\nap_domain=0x4\nap_max_domain_id=0x54\n"
         "ap_interrupts are disabled\nconfig_time=30 (seconds)\n");
    give(k, "d",
         "DOMAIN 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n---\n"
         "    00  .  C  .  .  B  .  .  U  .  .  .  .  .  .  .  B\n");
    core = make(k);
    core_host_info(core, &host);
    assert_true(is_type(core, 4, "CEX5A"));
    assert_int_equal(host.max_domain, 0x54);
    assert_false(host.interrupts);
    assert_true(mask256_test(&host.aqm, 4) && mask256_test(&host.aqm, 7));
    assert_true(mask256_test(&host.aqm, 15));
    assert_int_equal(mask256_count(&host.aqm), 3);
    assert_true(mask256_test(&host.adm, 1));
    assert_int_equal(mask256_count(&host.adm), 3);
    core_free(core);
    known_free(k);
}

static void test_command_line(void **state)
{
    struct known *k = known_new();
    struct host_info host;
    struct core *core;

    give(k, "l.txt",
         "CARD.DOM TYPE  MODE        STATUS     REQUESTS\n"
         "05       CEX7C CCA-Coproc  online            0\n");
    give(k, "cmdline", "root=/dev/dasda1 ap.apmask=+0-4 ap.aqmask=0xf0 ap.domain=3 ro\n");
    core = make(k);
    core_host_info(core, &host);
    assert_int_equal(mask256_count(&host.apmask), 5);
    assert_int_equal(mask256_count(&host.aqmask), 4);
    core_free(core);
    known_free(k);
}

static void test_malformed_mask_is_empty(void **state)
{
    struct known *k = known_new();

    give(k, "cmdline", "root=/dev/dasda1 ap.apmask=5-6\n");
    assert_true(mask256_empty(&k->masks[MASK_BOOT_AP].value));
    assert_noted(k, NOTE_ASSUMED, "ap.apmask is malformed");
    known_free(k);
}

static void file(struct known *k, const char *path, const char *value)
{
    member_file(k, "lpar.tgz", path, (struct slice){value, strlen(value)});
}

/* Of a copy without links, in which attributes are padded. */
static void sysfs(struct known *k)
{
    file(k, "x/sys/bus/ap/ap_adapter_mask", "0x0c00\n");
    file(k, "x/sys/bus/ap/ap_usage_domain_mask", "0x08\n");
    file(k, "x/sys/bus/ap/ap_control_domain_mask", "0x08\n");
    file(k, "x/sys/bus/ap/apmask",
         "0xfbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n");
    file(k, "x/sys/bus/ap/aqmask",
         "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n");
    member_file(k, "lpar.tgz", "x/sys/devices/ap/card04/type", (struct slice){"CEX7C\n\0\0\0", 9});
    file(k, "x/sys/devices/ap/card05/uevent", "DRIVER=cex4card\nDEV_TYPE=000D\nMODE=cca\n");
    file(k, "x/sys/devices/ap/card05/05.0004/uevent", "DRIVER=vfio_ap\nMODE=cca\n");
    file(k, "x/sys/devices/vfio_ap/matrix/" U1 "/matrix", "05.0004\n");
    file(k, "x/sys/devices/vfio_ap/matrix/" U1 "/control_domains", "0010\n");
}

static void test_sysfs(void **state)
{
    struct known *k = known_new();
    struct mdev_info m;
    struct core *core;

    sysfs(k);
    core = make(k);
    assert_true(is_type(core, 4, "CEX7C") && is_type(core, 5, "CEX7C"));
    assert_string_equal(queue(core, 5, 4).driver, "vfio_ap");
    assert_string_equal(queue(core, 4, 4).driver, "cex4queue");
    only_device(core, &m);
    assert_true(mask256_test(&m.apm, 5) && mask256_test(&m.aqm, 4) && mask256_test(&m.adm, 16));
    core_free(core);
    known_free(k);
}

static void test_what_sources_contradict(void **state)
{
    struct known *k = known_new();
    struct core *core;

    give(k, "l.txt",
         "CARD.DOM TYPE  MODE        STATUS     REQUESTS\n"
         "04       CEX8C CCA-Coproc  online            0\n");
    sysfs(k);
    give(k, "m.json", LIST("manual", "{\"assign_adapter\": \"4\"}"));
    give(k, "r.json",
         "[{\"matrix\": [{\"" U2 "\": {\"mdev_type\": \"vfio_ap-passthrough\", "
         "\"start\": \"auto\", \"attrs\": []}}]}]");
    core = make(k);
    /* Who is nearer to the kernel counts, whatever the order. */
    assert_true(is_type(core, 4, "CEX7C"));
    assert_noted(k, NOTE_CONTRADICTION,
                 "adapter 0x04: type: CEX8C in l.txt, but CEX7C in lpar.tgz; the latter is taken");
    assert_noted(k, NOTE_CONTRADICTION,
                 U1 ": the definition is not what the device has in lpar.tgz");
    assert_noted(k, NOTE_MISSING, U2 " is defined, but does not run, and is left out");
    core_free(core);
    known_free(k);
}

static void test_masks_that_do_not_go_with_devices(void **state)
{
    struct known *k = known_new();
    struct core *core;
    text_auto why = {0};

    sysfs(k);
    file(k, "x/sys/devices/vfio_ap/matrix/" U2 "/matrix", "04.0004\n");
    core = make(k);
    assert_noted(k, NOTE_CONTRADICTION,
                 U2 ": 04.0004 is assigned to it, but the masks give it to zcrypt");
    core_free(core);
    known_free(k);
    k = known_new();
    give(k, "m.json", LIST("auto", "{\"assign_adapter\": \"5\"}"));
    assert_int_equal(import_build(k, ABI_UPSTREAM, &core, &why), -EINVAL);
    assert_string_equal(why.data,
                        "no source describes the adapters; add a copy of /sys, the output "
                        "of lszcrypt, or the export of the CPC");
    known_free(k);
}

/* Lines of four adapters, of 170 domains each, as far as a page goes; the fourth is not complete.
 */
static void cut_matrix(struct known *k)
{
    text_auto lines = {0};

    for (unsigned apid = 5; apid < 11; apid++) {
        char path[64];

        snprintf(path, sizeof path, "x/sys/devices/ap/card%02x/type", apid);
        file(k, path, "CEX7C\n");
    }
    file(k, "x/sys/bus/ap/apmask", "0x0\n");
    for (unsigned i = 0; i < 512; i++)
        text_addf(&lines, "%02x.%04x\n", 5 + i / 170, i % 170);
    lines.data[4095] = '\0';
    file(k, "x/sys/devices/vfio_ap/matrix/" U2 "/matrix", lines.data);
}

static void define(struct known *k, const char *first, const char *last)
{
    text_auto json = {0};

    text_addf(
        &json,
        "[{\"matrix\": [{\"" U2 "\": {\"mdev_type\": \"vfio_ap-passthrough\", \"start\": "
        "\"auto\", \"attrs\": [{\"assign_adapter\": \"%s\"}, {\"assign_adapter\": \"%s\"}, "
        "{\"assign_adapter\": \"6\"}, {\"assign_adapter\": \"7\"}, {\"assign_adapter\": \"8\"}",
        first, last);
    for (unsigned i = 0; i < 170; i++)
        text_addf(&json, ", {\"assign_domain\": \"%u\"}", i);
    text_adds(&json, "]}}]}]");
    give(k, "m.json", json.data);
}

static void test_a_matrix_of_more_than_a_page(void **state)
{
    static const struct {
        const char *first, *last; /* of what is defined; NULL: nothing */
        unsigned count;
        enum note_kind kind;
        const char *note;
    } cases[] = {
        {NULL, NULL, 4, NOTE_MISSING, "whether it has adapters above 0x08 is not known"},
        {"5", "10", 5, NOTE_ASSUMED, NULL},
        {"6", "10", 4, NOTE_CONTRADICTION, "the definition is not what the device has"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct known *k = known_new();
        struct mdev_info m = {0};
        struct core *core;

        cut_matrix(k);
        if (cases[i].first)
            define(k, cases[i].first, cases[i].last);
        core = make(k);
        only_device(core, &m);
        assert_int_equal(mask256_count(&m.apm), cases[i].count);
        assert_int_equal(mask256_count(&m.aqm), 170);
        if (cases[i].note)
            assert_noted(k, cases[i].kind, cases[i].note);
        assert_int_equal(noted(k, NOTE_MISSING, "is not known, and it has none"), i != 1);
        core_free(core);
        known_free(k);
    }
}

/* Without devices/vfio_ap nothing is known of what runs; with an empty one nothing does. */
static void test_a_copy_without_devices(void **state)
{
    for (unsigned parent = 0; parent < 2; parent++) {
        struct known *k = known_new();
        struct mdev_info m;
        struct core *core;

        file(k, "x/sys/devices/ap/card05/type", "CEX7C\n");
        file(k, "x/sys/devices/ap/card05/05.0004/uevent", "DRIVER=vfio_ap\nMODE=cca\n");
        if (parent)
            file(k, "x/sys/devices/vfio_ap/matrix/uevent", "");
        give(k, "m.json", LIST("auto", "{\"assign_adapter\": \"5\"}, {\"assign_domain\": \"4\"}"));
        core = make(k);
        assert_int_equal(only_device(core, &m) != NULL, !parent);
        if (parent)
            assert_noted(k, NOTE_MISSING, "is defined, but does not run");
        else
            assert_noted(k, NOTE_ASSUMED, "runs, since no copy of /sys says otherwise");
        core_free(core);
        known_free(k);
    }
}

/* What a guest is said to have must be assigned to its device, and vfio_ap's. */
static void test_an_impossible_guest_matrix(void **state)
{
    static const char *const impossible[] = {"05.0004\n04.0004\n", "05.0005\n"};

    for (unsigned i = 0; i < 2; i++) {
        struct known *k = known_new();
        struct mdev_info m;
        struct core *core;

        sysfs(k);
        file(k, "x/sys/devices/vfio_ap/matrix/" U1 "/guest_matrix", impossible[i]);
        core = make(k);
        only_device(core, &m);
        assert_true(mask256_count(&m.guest_apm) == 1 && mask256_test(&m.guest_apm, 5));
        assert_true(mask256_count(&m.guest_aqm) == 1 && mask256_test(&m.guest_aqm, 4));
        assert_noted(k, NOTE_CONTRADICTION, "which is not assigned to the device; guest_matrix is");
        core_free(core);
        known_free(k);
    }
}

static void test_names_of_guests(void **state)
{
    static const char list[] =
        " Id   Name   State\n---\n 1    G\344st   running\n 2    Guest1   running\n";
    struct known *k = known_new();
    struct guest_info g;
    struct core *core;

    sysfs(k);
    give(k, "v.txt", list);
    core = make(k);
    assert_noted(k, NOTE_MISSING, "G\\xe4st\" is left out: a name has up to 63 bytes of UTF-8");
    assert_int_equal(core_guest_find(core, "Guest1", &g), 0);
    core_free(core);
    known_free(k);
}

static void test_a_queue_bound_by_hand(void **state)
{
    struct known *k = known_new();
    struct core *core;

    sysfs(k);
    member_link(k, "lpar.tgz", "x/sys/devices/ap/card04/04.0004/driver", "../vfio_ap");
    core = make(k);
    assert_string_equal(queue(core, 4, 4).driver, "vfio_ap");
    core_free(core);
    known_free(k);
}

static void test_what_is_no_source(void **state)
{
    refused("x", "hello\n", "x: not recognised; expected a copy of /sys");
    refused("x", "", "x: not recognised");
    refused("x", "{\"a\": 1}", "neither mdevctl's nor the export of a CPC");
    refused("x", "[1,", "not valid JSON in line 1");
}

static void test_lines_of_lszcrypt_that_are_left_out(void **state)
{
    struct known *k = known_new();

    give(k, "l.txt",
         "[root@lpar ~]# lszcrypt -V\n" TABLE "0b       CEX9C CCA-Coproc  resting           0\n"
         "hello there\n\n[root@lpar ~]# lszcrypt -b\nap_domain=-1 (-1)\nap_max_domain_id=0x54\n"
         "features: APSC NEWF\n");
    assert_noted(k, NOTE_MISSING, "adapter 0x0b: its type CEX9C is unknown");
    assert_noted(k, NOTE_MISSING, "adapter 0x0b: its status resting is unknown");
    assert_noted(k, NOTE_MISSING, "a line of lszcrypt that is not understood: hello there");
    assert_noted(k, NOTE_MISSING, "the feature NEWF is unknown");
    assert_int_equal(k->note_count, 4);
    assert_int_equal(k->host[HOST_MAX_DOMAIN].value, 0x54);
    known_free(k);
}

static void test_prompts(void **state)
{
    struct known *k = known_new();
    text_auto line = {0};

    /* A hostile line is not looked at to its end; neither in time that grows with its square. */
    for (unsigned i = 0; i < 200000; i++)
        text_adds(&line, i < 100000 ? "# " : "#sudo ");
    assert_false(read_prompt((struct slice){line.data, line.len}));

    give(k, "a", "\nroot@lpar:~ # mdevctl list --dumpjson\n" LIST("auto", ""));
    give(k, "b", "user@lpar:~$ sudo virsh list --all\n Id Name State\n---\n 3 Guest1 running\n");
    give(k, "c", "lpar> lszcrypt\n" TABLE);
    give(k, "c", "lpar> lszcrypt\n" TABLE); /* once more */
    assert_int_equal(k->device_count, 1);
    assert_int_equal(k->guest_count, 1);
    assert_true(k->adapters[10][ADAPTER_TYPE].from);
    known_free(k);
}

static void test_numbers_that_are_left_out(void **state)
{
    struct known *k = known_new();
    struct core *core;

    sysfs(k);
    file(k, "x/sys/bus/ap/config_time", "500\n");
    file(k, "x/sys/bus/ap/ap_max_domain_id", "3\n");
    file(k, "x/sys/devices/ap/card04/max_msg_size", "5000\n");
    file(k, "x/sys/devices/ap/card04/serialnr", "AAAA0001\n");
    file(k, "x/sys/devices/ap/card04/serialnr", "AAAA0002\n");
    file(k, "x/sys/devices/ap/card09/online", "1\n");
    member_link(k, "lpar.tgz", "x/sys/devices/ap/card04/04.0004/driver", "../other");
    give(k, "cmdline", "root=/dev/dasda1 ap.domain=300\n");
    core = make(k);
    assert_noted(k, NOTE_MISSING, "config_time is out of range and left out: 500");
    assert_noted(k, NOTE_CONTRADICTION, "the highest domain is 3");
    assert_noted(k, NOTE_ASSUMED, "adapter 0x04: the usual message size, since 5000");
    assert_noted(k, NOTE_CONTRADICTION, "adapter 0x04: serial number: AAAA0001 before");
    assert_noted(k, NOTE_MISSING, "adapter 0x09 is left out, since no source tells its type");
    assert_noted(k, NOTE_MISSING, "04.0004: its driver other is unknown");
    assert_noted(k, NOTE_ASSUMED, "ap.domain is no domain, so the kernel chose one: 300");
    core_free(core);
    known_free(k);
}

static void test_a_copy_in_folders_of_any_name(void **state)
{
    struct known *k = known_new();

    file(k, "devices/ap/bus/ap/sys/bus/ap/apmask",
         "0xfbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n");
    file(k, "bus/ap/power/sys/devices/ap/card04/type", "CEX7C\n");
    assert_true(k->masks[MASK_AP].from && k->adapters[4][ADAPTER_TYPE].from);
    known_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lszcrypt_is_hexadecimal),
        cmocka_unit_test(test_lszcrypt_of_old_tools_and_its_other_tables),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_malformed_mask_is_empty),
        cmocka_unit_test(test_sysfs),
        cmocka_unit_test(test_what_sources_contradict),
        cmocka_unit_test(test_masks_that_do_not_go_with_devices),
        cmocka_unit_test(test_a_matrix_of_more_than_a_page),
        cmocka_unit_test(test_a_copy_without_devices),
        cmocka_unit_test(test_an_impossible_guest_matrix),
        cmocka_unit_test(test_names_of_guests),
        cmocka_unit_test(test_a_queue_bound_by_hand),
        cmocka_unit_test(test_what_is_no_source),
        cmocka_unit_test(test_lines_of_lszcrypt_that_are_left_out),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_numbers_that_are_left_out),
        cmocka_unit_test(test_a_copy_in_folders_of_any_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
