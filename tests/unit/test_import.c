/* SPDX-License-Identifier: MIT */
/* What each kind of source says, and what is said about contradictions and gaps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "import/import.h"
#include "import/member.h"
#include "import/read.h"

#include "unit.h"

#define U1 "69aa1a8a-0000-4000-8000-000000000001"
#define U2 "69aa1a8a-0000-4000-8000-000000000002"

static void give(struct known *k, const char *name, const char *data)
{
    text_auto why = {0};

    import_data(k, name, data, strlen(data), &why);
    assert_null(why.data);
}

static void refused(const char *name, const char *data, const char *expected)
{
    struct known *k = known_new();
    text_auto why = {0};

    assert_int_equal(import_data(k, name, data, strlen(data), &why), -EINVAL);
    if (!strstr(why.data, expected))
        assert_string_equal(why.data, expected);
    known_free(k);
}

static struct core *make(struct known *k)
{
    struct core *core;
    text_auto why = {0};

    import_build(k, ABI_UPSTREAM, &core, &why);
    assert_null(why.data);
    return core;
}

static bool noted(const struct known *k, enum note_kind kind, const char *text)
{
    for (size_t i = 0; i < k->note_count; i++)
        if (k->notes[i].kind == kind && strstr(k->notes[i].text, text))
            return true;
    return false;
}

static void assert_noted(const struct known *k, enum note_kind kind, const char *text)
{
    if (noted(k, kind, text))
        return;
    for (size_t i = 0; i < k->note_count; i++)
        print_message("%s: %s\n", known_note_name(k->notes[i].kind), k->notes[i].text);
    fail_msg("there is no note %s", text);
}

static struct apqn_info queue(const struct core *c, unsigned apid, unsigned apqi)
{
    struct apqn_info info;

    core_apqn_info(c, AP_QN(apid, apqi), &info);
    return info;
}

static bool is_type(const struct core *c, unsigned apid, const char *type)
{
    struct adapter_info a;
    char name[8];

    core_adapter_info(c, apid, &a);
    machine_adapter_type_format(a.config, name);
    return a.installed && strcmp(name, type) == 0;
}

/* As s390-tools 2.40 print it; adapters 0x0a and 0x10. */
#define TABLE                                                                                      \
    "CARD.DOM TYPE  MODE        STATUS     REQUESTS  PENDING HWTYPE QDEPTH FUNCTIONS  DRIVER   \n" \
    "-----------------------------------------------------------------------------------------\n"  \
    "0a       CEX7C CCA-Coproc  online            3        0     13     08 S--D--NF-- cex4card \n" \
    "0a.0004  CEX7C CCA-Coproc  online            3        0     13     08 S--D--NF-- cex4queue\n" \
    "0a.0010  CEX7C CCA-Coproc  offline           0        0     13     08 S--D--NF-- cex4queue\n" \
    "0a.0047  CEX7C CCA-Coproc  in use            0        -     13     08 S--D--NF-- vfio_ap  \n" \
    "10       CEX8P EP11-Coproc deconfig          -        -     14     08 -----XNF-- cex4card \n"

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
    assert_noted(k, NOTE_ASSUMED, "aqmask all but domains 0x47");
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

#define LIST(start, attrs)                                                                         \
    "[{\"matrix\": [{\"" U1 "\": {\"mdev_type\": \"vfio_ap-passthrough\", \"start\": \"" start     \
    "\", \"attrs\": [" attrs "]}}]}]"

static const struct mdev_info *only_device(const struct core *core, struct mdev_info *out)
{
    uint32_t cursor = 0;

    return core_mdev_next(core, &cursor, out) ? out : NULL;
}

static void test_mdevctl_is_decimal(void **state)
{
    struct known *k = known_new();
    struct mdev_info m;
    struct core *core;

    give(k, "l.txt", TABLE);
    give(k, "m.json",
         LIST("auto", "{\"assign_adapter\": \"10\"}, {\"assign_domain\": \"71\"}, "
                      "{\"assign_domain\": \"0x48\"}, {\"unassign_domain\": \"72\"}, "
                      "{\"assign_control_domain\": \"010\"}"));
    core = make(k);
    assert_non_null(only_device(core, &m));
    assert_true(mask256_test(&m.apm, 10));
    assert_true(mask256_test(&m.aqm, 71));
    assert_int_equal(mask256_count(&m.aqm), 1);
    assert_true(mask256_test(&m.adm, 8)); /* octal, as the kernel reads it */
    assert_true(m.autostart);
    assert_noted(k, NOTE_ASSUMED, U1 " runs, since no copy of /sys says otherwise");
    /* The queue is in use, so there is a guest. */
    assert_string_equal(m.guest, "guest-of-" U1);
    core_free(core);
    known_free(k);
    refused("m.json", LIST("auto", "{\"assign_adapter\": \"256\"}"),
            U1 ": not an attribute: \"256\"");
    refused("m.json", "{\"mdev_type\": \"vfio_ap-passthrough\"}", "must be named UUID");
}

static void test_guests_of_libvirt(void **state)
{
    struct known *k = known_new();
    struct mdev_info m;
    struct core *core;

    give(k, "l.txt", TABLE);
    give(k, U1 ".json",
         "{\"mdev_type\": \"vfio_ap-passthrough\", \"start\": \"auto\", \"attrs\": "
         "[{\"assign_adapter\": \"0x0a\"}, {\"assign_domain\": \"0x47\"}]}");
    give(k, "g.xml",
         "<domain type='kvm'><name>Guest1</name><devices><hostdev mode='subsystem' type='mdev' "
         "managed='no' model='vfio-ap'><source><address uuid='" U1
         "'/></source></hostdev></devices></domain>");
    core = make(k);
    assert_string_equal(only_device(core, &m)->guest, "Guest1");
    core_free(core);
    /* virsh list says that it does not run. */
    give(k, "v.txt", " Id   Name     State\n-----------------------\n -    Guest1   shut off\n");
    core = make(k);
    assert_null(strstr(only_device(core, &m)->guest, "Guest1"));
    core_free(core);
    /* Names may have blanks. */
    give(k, "w.txt",
         " Id   Name       State\n------\n 3    My guest   in shutdown\n -    x   waiting\n");
    assert_string_equal(k->guests[k->guest_count - 1].name, "My guest");
    assert_string_equal(k->notes[k->note_count - 1].text,
                        "a row of virsh list without a known state: x   waiting");
    known_free(k);
    refused("e.xml",
            "<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a SYSTEM '/etc/passwd'>]><domain/>",
            "document type declaration");
    refused("e.xml", "<network/>", "neither a domain nor a node device");
}

static void test_node_devices_of_libvirt(void **state)
{
    struct known *k = known_new();
    struct mdev_info m;
    struct core *core;

    give(k, "l.txt", TABLE);
    give(k, "q.xml",
         "<device><name>ap_0a_0048</name><driver><name>vfio_ap</name></driver>"
         "<capability type='ap_queue'><ap-adapter>0x0a</ap-adapter>"
         "<ap-domain>0x0048</ap-domain></capability></device>");
    give(k, "m.xml",
         "<device><capability type='mdev'><type id='vfio_ap-passthrough'/><uuid>" U1
         "</uuid><attr name='ap_config' value='0x002,0x00000000000000000080,0x0'/>"
         "</capability></device>");
    core = make(k);
    assert_string_equal(queue(core, 10, 0x48).driver, "vfio_ap");
    assert_true(mask256_test(&only_device(core, &m)->apm, 10));
    assert_true(mask256_test(&m.aqm, 72));
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

/* PCHIDs are hexadecimal and mean nothing here; adapters of others are installed only. */
#define CPC                                                                                        \
    "{\"adapters\": [{\"adapter-family\": \"crypto\", \"adapter-id\": \"1b0\", "                   \
    "\"crypto-number\": 10, \"crypto-type\": \"ep11-coprocessor\", \"detected-card-type\": "       \
    "\"crypto-express-7s\", \"object-uri\": \"/api/adapters/a\", \"state\": \"standby\"}, "        \
    "{\"adapter-family\": \"crypto\", \"crypto-number\": 3, \"crypto-type\": \"accelerator\", "    \
    "\"detected-card-type\": \"crypto-express-8s\", \"object-uri\": \"/api/adapters/b\"}], "       \
    "\"partitions\": [{\"name\": \"p1\", \"crypto-configuration\": {\"crypto-adapter-uris\": "     \
    "[\"/api/adapters/a\"], \"crypto-domain-configurations\": [{\"domain-index\": 10, "            \
    "\"access-mode\": \"control-usage\"}, {\"domain-index\": 16, \"access-mode\": "                \
    "\"control\"}]}}%s]}"

static void test_cpc(void **state)
{
    struct known *k = known_new();
    struct adapter_info a, b;
    struct host_info host;
    text_auto one = {0}, two = {0};
    struct core *core;

    text_addf(&one, CPC, "");
    text_addf(&two, CPC,
              ", {\"name\": \"p2\", \"crypto-configuration\": {\"crypto-domain-configurations\": "
              "[{\"domain-index\": 1, \"access-mode\": \"control\"}]}}");
    give(k, "cpc.json", one.data);
    core = make(k);
    core_host_info(core, &host);
    core_adapter_info(core, 10, &a);
    core_adapter_info(core, 3, &b);
    assert_true(is_type(core, 10, "CEX7P") && a.in_lpar && !a.online);
    assert_true(is_type(core, 3, "CEX8A") && !b.in_lpar);
    assert_true(mask256_test(&host.aqm, 10) && mask256_count(&host.aqm) == 1);
    assert_true(mask256_test(&host.adm, 16) && mask256_count(&host.adm) == 2);
    assert_noted(k, NOTE_ASSUMED, "the LPAR is the partition p1");
    core_free(core);
    known_free(k);
    refused("cpc.json", two.data, "--partition says which one is the LPAR: \"p1\", \"p2\"");
}

static void test_hmc(void **state)
{
    static const char yaml[] =
        "hmc_definition:\n  cpcs:\n  - adapters:\n    - properties: &id001\n"
        "        adapter-family: crypto\n        object-id: a\n        crypto-number: 2\n"
        "        crypto-type: cca-coprocessor\n        detected-card-type: crypto-express-8s\n"
        "        state: online\n    partitions:\n    - properties:\n        name: p1\n"
        "        crypto-configuration:\n          crypto-adapter-uris: [/api/adapters/a]\n"
        "          crypto-domain-configurations:\n"
        "          - {domain-index: 10, access-mode: control-usage}\n";
    struct known *k = known_new();
    struct core *core;

    give(k, "hmc.yaml", yaml);
    core = make(k);
    assert_true(is_type(core, 2, "CEX8C"));
    assert_true(queue(core, 2, 10).device);
    core_free(core);
    known_free(k);
    refused("y", "hmc_definition: &a\n  cpcs: *a\n", "an alias without an anchor");
}

static void test_yaml_that_is_too_deep(void **state)
{
    text_auto deep = {0};

    text_adds(&deep, "hmc_definition: ");
    for (unsigned i = 0; i < 1000; i++)
        text_adds(&deep, "[");
    refused("y", deep.data, "nested too deeply");
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

static void test_shapes_of_definitions(void **state)
{
    static const char *const shapes[] = {
        LIST("auto", "{\"assign_adapter\": \"10\"}, {\"assign_domain\": \"71\"}"),
        LIST("auto", "{\"assign_adapter\": 10}, {\"assign_domain\": 71}"),
        LIST("auto", "{\"assign_adapter\": \"10\", \"assign_domain\": \"0x47\"}"),
        LIST("auto", "\"assign_adapter=10\", \"assign_domain = 71\""),
        "[{\"matrix\": [{\"" U1 "\": {\"mdev_type\": \"vfio_ap-passthrough\", \"start\": \"auto\", "
        "\"attrs\": {\"assign_adapter\": \"10\", \"assign_domain\": 71}}}]}]",
        "{\"matrix\": {\"" U1 "\": {\"mdev_type\": \"vfio_ap-passthrough\", \"start\": \"auto\", "
        "\"attrs\": {\"assign_adapter\": \"10\", \"assign_domain\": 71}}}}",
    };

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct known *k = known_new();
        struct mdev_info m;
        struct core *core;

        give(k, "l.txt", TABLE);
        give(k, "m.json", shapes[i]);
        core = make(k);
        assert_non_null(only_device(core, &m));
        assert_true(mask256_test(&m.apm, 10) && mask256_count(&m.apm) == 1);
        assert_true(mask256_test(&m.aqm, 71) && mask256_count(&m.aqm) == 1);
        core_free(core);
        known_free(k);
    }
    refused("m.json", LIST("auto", "{\"assign_adapter\": 256}"), U1 ": not an attribute: \"256\"");
    refused("m.json", LIST("auto", "\"assign_adapter\""), "not an attribute: \"assign_adapter\"");
    refused("m.json", LIST("auto", "5"), "an attribute is no object");
}

static void test_definitions_that_are_left_out(void **state)
{
    struct known *k = known_new();

    give(k, "a.json", "[{\"matrix\": [{\"" U1 "\": {\"start\": \"auto\"}}, 5], \"other\": 6}, 7]");
    assert_noted(k, NOTE_MISSING, U1 " is left out: its definition has no mdev_type");
    assert_noted(k, NOTE_MISSING, "device 2 of the parent matrix is no object");
    assert_noted(k, NOTE_MISSING, "the devices of the parent other are no list");
    assert_noted(k, NOTE_MISSING, "entry 2 of the list has no parent");
    give(k, "b.json", LIST("sometimes", ""));
    assert_noted(k, NOTE_ASSUMED, "its start is neither auto nor manual: sometimes");
    known_free(k);
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
    assert_int_equal(k->device_count, 1);
    assert_int_equal(k->guest_count, 1);
    assert_true(k->adapters[10][ADAPTER_TYPE].from);
    known_free(k);
}

static void test_xml_that_is_left_out(void **state)
{
    struct known *k = known_new();
    struct mdev_info m;
    struct core *core;

    give(k, "l.txt", TABLE);
    /* Up to libvirt 7.2 the UUID is in the name only. */
    give(k, "m.xml",
         "<device><name>mdev_69aa1a8a_0000_4000_8000_000000000001</name><capability type='mdev'>"
         "<type id='vfio_ap-passthrough'/><attr name='assign_adapter' value='10'/>"
         "</capability></device>");
    give(k, "q.xml",
         "<device><name>ap_500_0048</name><capability type='ap_queue'><ap-adapter>0x500"
         "</ap-adapter><ap-domain>0x48</ap-domain></capability></device>");
    give(k, "g.xml",
         "<domain><name>Guest1</name><devices><hostdev type='mdev' model='vfio-ap'><source>"
         "<address uuid='69aa'/></source></hostdev></devices></domain>");
    give(k, "n.xml", "<domain/>");
    give(k, "u.xml", "<device><capability type='usb'/></device>");
    core = make(k);
    assert_true(mask256_test(&only_device(core, &m)->apm, 10));
    assert_noted(k, NOTE_MISSING, "from 0 to 255 is left out: ap_500_0048");
    assert_noted(k, NOTE_MISSING,
                 "guest Guest1: a mediated device without a UUID is left out: 69aa");
    assert_noted(k, NOTE_MISSING, "a domain without a name is left out");
    assert_noted(k, NOTE_MISSING, "a node device of the kind usb says nothing here");
    core_free(core);
    known_free(k);
    refused("e.xml", "<domain>\n<name>\n</domain>\n", "not valid XML in line 3: ");
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
        cmocka_unit_test(test_mdevctl_is_decimal),
        cmocka_unit_test(test_guests_of_libvirt),
        cmocka_unit_test(test_node_devices_of_libvirt),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_malformed_mask_is_empty),
        cmocka_unit_test(test_cpc),
        cmocka_unit_test(test_hmc),
        cmocka_unit_test(test_yaml_that_is_too_deep),
        cmocka_unit_test(test_sysfs),
        cmocka_unit_test(test_what_sources_contradict),
        cmocka_unit_test(test_masks_that_do_not_go_with_devices),
        cmocka_unit_test(test_a_queue_bound_by_hand),
        cmocka_unit_test(test_what_is_no_source),
        cmocka_unit_test(test_shapes_of_definitions),
        cmocka_unit_test(test_definitions_that_are_left_out),
        cmocka_unit_test(test_lines_of_lszcrypt_that_are_left_out),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_xml_that_is_left_out),
        cmocka_unit_test(test_numbers_that_are_left_out),
        cmocka_unit_test(test_a_copy_in_folders_of_any_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
