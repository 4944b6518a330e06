/* SPDX-License-Identifier: MIT */
/* What would be accepted in place of a refused write. */
#include <string.h>

#include "plan/refusal.h"
#include "store/setup.h"

#include "core_made.h"

#define UUID1  "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2  "69aa1a8a-0000-4000-8000-000000000002"
#define MDEV1  "devices/vfio_ap/matrix/" UUID1
#define CREATE "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create"
#define MDEV2  "devices/vfio_ap/matrix/" UUID2

#define HARDWARE "[machine]\ndomains = 4,0x47,0xab\n[adapter 5-7]\ntype = CEX7C\n"
#define MACHINE                                                                                    \
    HARDWARE "[bus]\napmask = +5-7\naqmask = +4,+0xab\n[mdev " UUID1                               \
             "]\nadapters = 6\ndomains = 0x47\n[guest it's]\nmdev = " UUID1 "\n"

static void expect(const char *machine, const char *path, const char *value, const char *wanted)
{
    struct core *core = make(machine);
    struct alternatives found;
    text_auto out = {0}, before = {0}, after = {0};

    setup_format(core, &before);
    alternatives_find(core, path, value, &found);
    alternatives_text(&found, &out);
    assert_string_equal(out.data, wanted);
    setup_format(core, &after);
    assert_string_equal(after.data, before.data);
    alternatives_done(&found);
    core_free(core);
}

static void test_zcrypts_queues(void **state)
{
    expect(MACHINE, MDEV1 "/assign_domain", "4\n",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo 0x06 > /sys/" MDEV1 "/unassign_adapter\n"
           "     echo 4 > /sys/" MDEV1 "/assign_domain\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n"
           "  2. echo -0x06 > /sys/bus/ap/apmask\n"
           "     echo 4 > /sys/" MDEV1 "/assign_domain\n"
           "       zcrypt loses 06.0004, 06.00ab\n"
           "       vfio_ap gets 06.00ab\n"
           "       it's gets 06.0004\n"
           "  3. echo -0x04 > /sys/bus/ap/aqmask\n"
           "     echo 4 > /sys/" MDEV1 "/assign_domain\n"
           "       zcrypt loses 05.0004, 06.0004, 07.0004\n"
           "       vfio_ap gets 05.0004, 07.0004\n"
           "       it's gets 06.0004\n");
}

static void test_another_devices_queues(void **state)
{
    expect(MACHINE "[mdev " UUID2 "]\nadapters = 5\ndomains = 0x47\n", MDEV2 "/assign_adapter",
           "0x6",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo 0x47 > /sys/" MDEV1 "/unassign_domain\n"
           "     echo 0x6 > /sys/" MDEV2 "/assign_adapter\n"
           "       it's loses 06.0047\n"
           "       " UUID2 " gets 06.0047\n"
           "  2. echo 0x06 > /sys/" MDEV1 "/unassign_adapter\n"
           "     echo 0x6 > /sys/" MDEV2 "/assign_adapter\n"
           "       it's loses 06.0047\n"
           "       " UUID2 " gets 06.0047\n"
           "  3. echo 0x47 > /sys/" MDEV2 "/unassign_domain\n"
           "     echo 0x6 > /sys/" MDEV2 "/assign_adapter\n"
           "       vfio_ap gets 05.0047\n"
           "       " UUID2 " loses 05.0047\n");
}

static void test_a_mask(void **state)
{
    expect(HARDWARE "[bus]\napmask = +5\naqmask = +4\n[mdev " UUID1 "]\nadapters = 6\n"
                    "domains = 4,0x47\n",
           "bus/ap/apmask", "+6,+7",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo 0x0500000000000000000000000000000000000000000000000000000000000000 > "
           "/sys/bus/ap/apmask\n"
           "       zcrypt gets 07.0004\n"
           "       vfio_ap loses 07.0004\n"
           "  2. echo 0x04 > /sys/" MDEV1 "/unassign_domain\n"
           "     echo +6,+7 > /sys/bus/ap/apmask\n"
           "       zcrypt gets 06.0004, 07.0004\n"
           "       vfio_ap loses 07.0004\n"
           "       " UUID1 " loses 06.0004\n"
           "  3. echo 0x06 > /sys/" MDEV1 "/unassign_adapter\n"
           "     echo +6,+7 > /sys/bus/ap/apmask\n"
           "       zcrypt gets 06.0004, 07.0004\n"
           "       vfio_ap loses 07.0004; gets 06.0047\n"
           "       " UUID1 " loses 06.0004, 06.0047\n");
}

static void test_a_device_in_use(void **state)
{
    expect(MACHINE, MDEV1 "/remove", "1",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. apus guest detach 'it'\\''s'\n"
           "     echo 1 > /sys/" MDEV1 "/remove\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n"
           "  2. apus guest stop 'it'\\''s'\n"
           "     echo 1 > /sys/" MDEV1 "/remove\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n");
}

static void test_what_is_malformed(void **state)
{
    char text[600];

    expect(MACHINE, MDEV1 "/assign_adapter", "300",
           "It cannot be accepted: \"300\" is above the highest adapter, 255 (0xff).\n");
    expect(MACHINE, MDEV1 "/assign_adapter", "six\n",
           "It cannot be accepted: \"six\" is not a number such as 5 or 0x47.\n");
    expect(MACHINE, "bus/ap/apmask", "+5,+z",
           "It cannot be accepted: \"+z\" is no part of a list such as +1-3,-0x47, with numbers "
           "from 0 to 255.\n");
    expect(MACHINE, "bus/ap/apmask", "0x12g4",
           "It cannot be accepted: \"g\" is no hexadecimal digit.\n");
    expect(MACHINE, MDEV1 "/ap_config", "0x0,0x0",
           "It cannot be accepted: there is no mask of the control domains; three masks are "
           "needed.\n");
    expect(MACHINE, MDEV1 "/ap_config", "0x0,-5,0x0",
           "It cannot be accepted: the mask of the domains: \"-5\" is no mask, which is up to 64 "
           "hexadecimal digits.\n");
    expect(MACHINE, CREATE, "69aa1a8a",
           "It cannot be accepted: \"69aa1a8a\" is no UUID, which is 8-4-4-4-12 hexadecimal digits "
           "(as of uuidgen); this has 8 characters in place of 36.\n");
    expect(MACHINE, "bus/ap/drivers/vfio_ap/bind", "05.0009",
           "It cannot be accepted: there is no queue 05.0009 on the bus.\n");
    expect(MACHINE, "bus/ap/drivers/vfio_ap/bind", "five",
           "It cannot be accepted: \"five\" is no queue such as 05.0004 and no card such as "
           "card05.\n");
    expect(MACHINE, "devices/ap/card05/config", "on",
           "It cannot be accepted: \"on\" is neither 0 nor 1.\n");
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    expect(MACHINE, "bus/ap/apmask", text, "No other way was found.\n");
    expect(MACHINE, text, "1", "No other way was found.\n");
}

static void test_nothing_to_try(void **state)
{
    expect(MACHINE, MDEV2 "/assign_adapter", "6", "No other way was found.\n");
    expect(MACHINE, "bus/ap/apmask", "-5", "It would be accepted now.\n");
    expect(MACHINE, "nowhere", "", "No other way was found.\n");
}

#define MASK(digits) "0x" digits "0000000000000000000000000000000000000000000000000000000000"

static void test_a_whole_configuration(void **state)
{
    /* 05.0004 is zcrypt's, and 06.0047 the guest's. */
    expect(MACHINE "[mdev " UUID2 "]\n", MDEV2 "/ap_config",
           MASK("060000") "," MASK("080000") "," MASK("000000"),
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo -0x04 > /sys/bus/ap/aqmask\n"
           "     echo " MASK("060000") "," MASK("080000") "," MASK(
               "000000") " > /sys/" MDEV2 "/ap_config\n"
                         "       zcrypt loses 05.0004, 06.0004, 07.0004\n"
                         "       vfio_ap gets 07.0004\n"
                         "       " UUID2 " gets 05.0004, 06.0004\n"
                         "  2. echo -0x05,-0x06 > /sys/bus/ap/apmask\n"
                         "     echo " MASK("060000") "," MASK("080000") "," MASK(
                             "000000") " > /sys/" MDEV2 "/ap_config\n"
                                       "       zcrypt loses 05.0004, 06.0004, 05.00ab, 06.00ab\n"
                                       "       vfio_ap gets 05.00ab, 06.00ab\n"
                                       "       " UUID2 " gets 05.0004, 06.0004\n");
}

static void test_as_much_of_a_configuration_as_is_free(void **state)
{
    struct core *core = make(HARDWARE "[bus]\napmask = 0x0\naqmask = 0x0\n[mdev " UUID1
                                      "]\nadapters = 6\ndomains = 0x47\n[mdev " UUID2 "]\n");
    struct alternatives found;

    alternatives_find(
        core, MDEV2 "/ap_config",
        MASK("060000") ","
                       "0x0800000000000000010000000000000000000000000000000000000000000000," MASK(
                           "000000"),
        &found);
    assert_int_equal(found.count, 4);
    /* Adapter 5 alone; domain 4 alone; the other device gives up domain or adapter. */
    assert_non_null(strstr(found.v[0].steps[0].value, MASK("040000") ","));
    assert_int_equal(found.v[0].count, 1);
    assert_int_equal(found.v[1].count, 1);
    alternatives_done(&found);
    core_free(core);
}

static void test_a_device_that_exists(void **state)
{
    expect(MACHINE, CREATE, UUID1,
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo " UUID2 " > /sys/" CREATE "\n"
           "  2. apus guest detach 'it'\\''s'\n"
           "     echo 1 > /sys/" MDEV1 "/remove\n"
           "     echo " UUID1 " > /sys/" CREATE "\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n"
           "  3. apus guest stop 'it'\\''s'\n"
           "     echo 1 > /sys/" MDEV1 "/remove\n"
           "     echo " UUID1 " > /sys/" CREATE "\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n");
}

static void test_binding(void **state)
{
    expect(MACHINE, "bus/ap/drivers/vfio_ap/bind", "05.0004",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo -0x05 > /sys/bus/ap/apmask\n"
           "       zcrypt loses 05.0004, 05.00ab\n"
           "       vfio_ap gets 05.0004, 05.00ab\n"
           "  2. echo -0x04 > /sys/bus/ap/aqmask\n"
           "       zcrypt loses 05.0004, 06.0004, 07.0004\n"
           "       vfio_ap gets 05.0004, 06.0004, 07.0004\n");
    expect(MACHINE, "bus/ap/drivers/cex4queue/unbind", "05.0047",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo 05.0047 > /sys/bus/ap/drivers/vfio_ap/unbind\n"
           "       vfio_ap loses 05.0047\n"
           "       no driver gets 05.0047\n");
    /* Where the masks are all ones, one queue can be had alone. */
    expect(HARDWARE, "bus/ap/drivers/vfio_ap/bind", "05.0004",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo vfio_ap > /sys/devices/ap/card05/05.0004/driver_override\n"
           "     echo 05.0004 > /sys/bus/ap/drivers/cex4queue/unbind\n"
           "     echo 05.0004 > /sys/bus/ap/drivers/vfio_ap/bind\n"
           "       zcrypt loses 05.0004\n"
           "       vfio_ap gets 05.0004\n"
           "  2. echo -0x05 > /sys/bus/ap/apmask\n"
           "       zcrypt loses 05.0004, 05.0047, 05.00ab\n"
           "       vfio_ap gets 05.0004, 05.0047, 05.00ab\n"
           "  3. echo -0x04 > /sys/bus/ap/aqmask\n"
           "       zcrypt loses 05.0004, 06.0004, 07.0004\n"
           "       vfio_ap gets 05.0004, 06.0004, 07.0004\n");
}

static void test_binding_a_card(void **state)
{
    expect(HARDWARE, "bus/ap/drivers/cex4card/bind", "card05\n",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo card05 > /sys/bus/ap/drivers/cex4card/unbind\n"
           "     echo card05 > /sys/bus/ap/drivers/cex4card/bind\n");
    expect(HARDWARE, "bus/ap/drivers/vfio_ap/bind", "card05",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo -0x05 > /sys/bus/ap/apmask\n"
           "       zcrypt loses 05.0004, 05.0047, 05.00ab\n"
           "       vfio_ap gets 05.0004, 05.0047, 05.00ab\n");
    expect(HARDWARE "[bus]\napmask = +0-255,-5\n", "bus/ap/drivers/cex4queue/bind", "card05",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo +0x05 > /sys/bus/ap/apmask\n"
           "       zcrypt gets 05.0004, 05.0047, 05.00ab\n"
           "       vfio_ap loses 05.0004, 05.0047, 05.00ab\n");
    expect(HARDWARE "[card 5]\nunbound = 4,0x47\n", "bus/ap/drivers/cex4queue/bind", "card05",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo 05.0004 > /sys/bus/ap/drivers/cex4queue/bind\n"
           "     echo 05.0047 > /sys/bus/ap/drivers/cex4queue/bind\n"
           "       zcrypt gets 05.0004, 05.0047\n"
           "       no driver loses 05.0004, 05.0047\n");
    expect(HARDWARE "[bus]\napmask = +0-255,-5\n", "bus/ap/drivers/vfio_ap/unbind", "card05",
           "It would be accepted in these ways, the smallest change first:\n"
           "  1. echo 05.0004 > /sys/bus/ap/drivers/vfio_ap/unbind\n"
           "     echo 05.0047 > /sys/bus/ap/drivers/vfio_ap/unbind\n"
           "     echo 05.00ab > /sys/bus/ap/drivers/vfio_ap/unbind\n"
           "       vfio_ap loses 05.0004, 05.0047, 05.00ab\n"
           "       no driver gets 05.0004, 05.0047, 05.00ab\n");
    expect(HARDWARE "[card 5]\nbound = no\n", "bus/ap/drivers/cex4card/unbind", "card05",
           "No other way was found.\n");
    expect(HARDWARE, "bus/ap/drivers/cex4card/bind", "card09",
           "It cannot be accepted: there is no card09 on the bus.\n");
}

static void expect_task(const char *command, const char *wanted)
{
    struct core *core = make(MACHINE);
    struct alternatives found;
    text_auto out = {0};

    alternatives_to_task(core, command, &found);
    alternatives_text(&found, &out);
    assert_string_equal(out.data, wanted);
    alternatives_done(&found);
    core_free(core);
}

static void test_the_support_element(void **state)
{
    expect_task("se lpar add domain 0x09",
                "It would be accepted in these ways, the smallest change first:\n"
                "  1. apus se adapter 5-7 off\n"
                "     apus se lpar add domain 9\n"
                "     apus se adapter 5-7 on\n"
                "       vfio_ap gets 05.0009, 06.0009, 07.0009\n"
                "       meanwhile nobody has the queues of adapters 5-7\n"
                "  2. apus se lpar add domain 9 --force\n"
                "       vfio_ap gets 05.0009, 06.0009, 07.0009\n");
    expect_task("se lpar remove control-domain 0x04",
                "It would be accepted in these ways, the smallest change first:\n"
                "  1. apus se adapter 5-7 off\n"
                "     apus se lpar remove domain 4 control-domain 4\n"
                "     apus se adapter 5-7 on\n"
                "       zcrypt loses 05.0004, 06.0004, 07.0004\n"
                "       meanwhile nobody has the queues of adapters 5-7\n"
                "  2. apus se lpar remove domain 4 control-domain 4 --force\n"
                "       zcrypt loses 05.0004, 06.0004, 07.0004\n");
    expect_task("se lpar add adapter 0x09",
                "It cannot be accepted: the machine has no adapter 0x09.\n");
    expect_task("nonsense", "No other way was found.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zcrypts_queues),
        cmocka_unit_test(test_another_devices_queues),
        cmocka_unit_test(test_a_mask),
        cmocka_unit_test(test_a_device_in_use),
        cmocka_unit_test(test_nothing_to_try),
        cmocka_unit_test(test_what_is_malformed),
        cmocka_unit_test(test_a_whole_configuration),
        cmocka_unit_test(test_as_much_of_a_configuration_as_is_free),
        cmocka_unit_test(test_a_device_that_exists),
        cmocka_unit_test(test_binding),
        cmocka_unit_test(test_binding_a_card),
        cmocka_unit_test(test_the_support_element),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
