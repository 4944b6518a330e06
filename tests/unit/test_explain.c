/* SPDX-License-Identifier: MIT */
/* Why a queue, a device and a guest are as they are. */
#include <string.h>

#include "plan/explain.h"
#include "store/setup.h"

#include "core_made.h"

#define UUID1 "69aa1a8a-0000-4000-8000-000000000001"

#define MACHINE                                                                                    \
    "[machine]\ndomains = 4,0x47\napmask = +6\naqmask = +0-255\n[adapter 5-6]\ntype = CEX7C\n"     \
    "[adapter 7]\ntype = CEX7C\nconfigured = no\n[card 5]\nunbound = 0x47\n"                       \
    "[mdev " UUID1 "]\nadapters = 5,7,9\ndomains = 4,0x47,0x50\n[guest Guest1]\nmdev = " UUID1     \
    "\n[guest bare]\nfeatures =\n"

static void test_queue(void **state)
{
    struct core *core = make(MACHINE);
    text_auto out = {0};

    explain_queue(core, AP_QN(5, 4), &out);
    assert_string_equal(out.data,
                        "05.0004\nadapter 0x05 (CEX7C) is in the LPAR and online\n"
                        "domain 0x04 is a usage domain of the LPAR\n"
                        "bit 0x05 of apmask is clear: it is for vfio_ap\nit is bound to vfio_ap\n"
                        "it is assigned to " UUID1 "\nguest Guest1 has the device but not this "
                        "queue; 'apus explain " UUID1 "' says why\n");
    text_clear(&out);
    explain_queue(core, AP_QN(6, 0x50), &out);
    assert_string_equal(
        out.data, "06.0050\nadapter 0x06 (CEX7C) is in the LPAR and online\n"
                  "domain 0x50 is no usage domain of the LPAR\nso the LPAR has no such queue; "
                  "the Support Element decides that (apus se lpar)\n"
                  "bit 0x06 of apmask and bit 0x50 of aqmask are set: it is for zcrypt\n"
                  "it is assigned to no mediated device\n");
    core_free(core);
}

static void test_what_is_missing(void **state)
{
    struct core *core = make(MACHINE);
    struct guest_info g;
    text_auto out = {0};

    assert_int_equal(core_guest_find(core, "Guest1", &g), 0);
    explain_guest(core, &g, &out);
    assert_string_equal(
        strstr(out.data, "missing"),
        "missing: adapter 0x05: withheld as a whole, because 05.0047 is bound to no driver; a "
        "guest gets a product of adapters and domains, so one queue less is an adapter less\n"
        "missing: adapter 0x07: it is in standby\n"
        "missing: adapter 0x09: the LPAR does not have it (over-provisioned)\n"
        "missing: domain 0x50: the LPAR does not have it (over-provisioned)\n");
    text_clear(&out);
    assert_int_equal(core_guest_find(core, "bare", &g), 0);
    explain_guest(core, &g, &out);
    assert_string_equal(out.data, "bare\nit was started without the CPU feature ap, so it can have "
                                  "no queue\n");
    core_free(core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_queue),
                                       cmocka_unit_test(test_what_is_missing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
