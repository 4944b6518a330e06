/* SPDX-License-Identifier: MIT */
/* What is defined: mdevctl, libvirt, a CPC and an HMC. */
#include "import_world.h"

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

#define ONE(name, number, partition, abbreviation)                                                 \
    "  - properties: {name: " name "}\n    adapters:\n    - properties: {adapter-family: crypto, " \
    "object-id: a, crypto-number: " number ", crypto-type: cca-coprocessor, "                      \
    "detected-card-type: crypto-express-8s, state: online}\n    partitions:\n"                     \
    "    - properties: {name: " partition ", short-name: " abbreviation                            \
    ", crypto-configuration: {crypto-adapter-uris: [/api/adapters/a], "                            \
    "crypto-domain-configurations: [{domain-index: 10, access-mode: control-usage}]}}\n"

/* The partition is looked for in all CPCs, by each of its names. */
static void test_an_hmc_with_several_cpcs(void **state)
{
    static const char alike[] =
        "hmc_definition:\n  cpcs:\n" ONE("A", "1", "p", "pa") ONE("B", "2", "p", "pb");
    static const struct {
        const char *name;
        unsigned apid;
    } wanted[] = {{"pa", 1}, {"pb", 2}, {"A/p", 1}, {"B/p", 2}};
    struct slice data = {alike, strlen(alike)};

    for (unsigned i = 0; i < 4; i++) {
        struct known *k = known_new();
        struct core *core;

        k->partition = wanted[i].name;
        give(k, "hmc.yaml", alike);
        core = make(k);
        assert_true(queue(core, wanted[i].apid, 10).device);
        assert_false(queue(core, 3 - wanted[i].apid, 10).device);
        core_free(core);
        known_free(k);
    }
    refused("y", alike, "--partition says which one is the LPAR: \"A/p\", \"B/p\"");
    for (unsigned i = 0; i < 2; i++) {
        struct known *k = known_new();
        text_auto why = {0};

        k->partition = i ? "q" : "p";
        assert_int_equal(import_data(k, "y", data.at, data.len, &why), -EINVAL);
        assert_non_null(strstr(why.data, i ? "there is no such partition"
                                           : "several partitions have that name"));
        assert_non_null(strstr(why.data, "\"A/p\", \"B/p\""));
        known_free(k);
    }
}

static void test_yaml_that_is_too_deep(void **state)
{
    text_auto deep = {0};

    text_adds(&deep, "hmc_definition: ");
    for (unsigned i = 0; i < 1000; i++)
        text_adds(&deep, "[");
    refused("y", deep.data, "nested too deeply");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mdevctl_is_decimal),
        cmocka_unit_test(test_guests_of_libvirt),
        cmocka_unit_test(test_node_devices_of_libvirt),
        cmocka_unit_test(test_cpc),
        cmocka_unit_test(test_hmc),
        cmocka_unit_test(test_an_hmc_with_several_cpcs),
        cmocka_unit_test(test_yaml_that_is_too_deep),
        cmocka_unit_test(test_shapes_of_definitions),
        cmocka_unit_test(test_definitions_that_are_left_out),
        cmocka_unit_test(test_xml_that_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
