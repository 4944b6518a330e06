/* SPDX-License-Identifier: MIT */
/* What would be accepted in place of a refused write. */
#include <string.h>

#include "plan/refusal.h"
#include "store/setup.h"

#include "core_made.h"

#define UUID1 "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2 "69aa1a8a-0000-4000-8000-000000000002"
#define MDEV1 "devices/vfio_ap/matrix/" UUID1
#define MDEV2 "devices/vfio_ap/matrix/" UUID2

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
           "It would be accepted so, the way that changes least first:\n"
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
           "It would be accepted so, the way that changes least first:\n"
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
           "It would be accepted so, the way that changes least first:\n"
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
           "It would be accepted so, the way that changes least first:\n"
           "  1. apus guest detach 'it'\\''s'\n"
           "     echo 1 > /sys/" MDEV1 "/remove\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n"
           "  2. apus guest stop 'it'\\''s'\n"
           "     echo 1 > /sys/" MDEV1 "/remove\n"
           "       vfio_ap gets 06.0047\n"
           "       it's loses 06.0047\n");
}

static void test_nothing_to_try(void **state)
{
    char text[600];

    expect(MACHINE, MDEV1 "/assign_adapter", "300", "No other way was found.\n");
    expect(MACHINE, MDEV1 "/assign_adapter", "six", "No other way was found.\n");
    expect(MACHINE, MDEV2 "/assign_adapter", "6", "No other way was found.\n");
    expect(MACHINE, "bus/ap/apmask", "-5", "It would be accepted now.\n");
    expect(MACHINE, "bus/ap/apmask", "z", "No other way was found.\n");
    expect(MACHINE, "nowhere", "", "No other way was found.\n");
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    expect(MACHINE, "bus/ap/apmask", text, "No other way was found.\n");
    expect(MACHINE, text, "1", "No other way was found.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zcrypts_queues), cmocka_unit_test(test_another_devices_queues),
        cmocka_unit_test(test_a_mask),         cmocka_unit_test(test_a_device_in_use),
        cmocka_unit_test(test_nothing_to_try),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
