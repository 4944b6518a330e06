/* SPDX-License-Identifier: MIT */
/* Machine files with all of their sections: what runs on the machine. */
#include <errno.h>
#include <string.h>

#include "core/query.h"
#include "store/setup.h"

#include "unit.h"

#define UUID1 "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2 "69aa1a8a-0000-4000-8000-000000000002"

/* Two adapters, two domains; zcrypt has 05, guests 06. */
#define HEAD                                                                                       \
    "[machine]\ndomains = 4,0x47\napmask = +5\naqmask = +0-255\n[adapter 5-6]\ntype = CEX7C\n"

static struct core *make(const char *text, struct text *why)
{
    struct effects fx = {0};
    setup_auto setup = {0};
    struct core *core = NULL;

    if (setup_parse("t.ini", text, strlen(text), &setup, why) == 0)
        setup_core(&setup, &core, &fx, why);
    effects_done(&fx);
    return core;
}

static void refused(const char *text, const char *wanted)
{
    text_auto why = {0};
    struct core *core = make(text, &why);

    assert_null(core);
    assert_string_equal(why.data, wanted);
}

/* The part of the written file behind the hardware. */
static void survives(const char *sections)
{
    text_auto why = {0}, input = {0}, out = {0};
    struct core *core;
    const char *behind;

    text_addf(&input, HEAD "%s", sections);
    core = make(input.data, &why);
    assert_null(why.data);
    setup_format(core, &out);
    core_free(core);
    behind = strstr(strstr(out.data, "[adapter 6]"), "\n\n");
    assert_non_null(behind);
    assert_string_equal(behind + 1, sections);
}

static void test_every_section(void **state)
{
    survives(
        "\n[bus]\napmask = 0x0000000000000000000000000000000000000000000000000000000000000000\n"
        "config-time = 40\npoll-thread = yes\nautoprobe = no\n"
        "\n[card 0x05]\nunbound = 0x47\n"
        "\n[node my%20node]\n"
        "ioctlmask = 0x0000000000000000000000000000000000000000000000000000000000000000\n"
        "apmask = 0x0400000000000000000000000000000000000000000000000000000000000000\n"
        "aqmask = 0x0000000000000000000000000000000000000000000000000000000000000000\n"
        "admask = 0x0000000000000000000000000000000000000000000000000000000000000000\n"
        "minor = 3\n"
        "\n[mdev " UUID1 "]\nadapters = 6\ndomains = 4,0x47\ncontrol-domains = 4\n"
        "autostart = yes\n"
        "\n[mdev " UUID2 "]\nadapters = 5\ndomains = 4\ngroup = 7\n"
        "\n[guest Guest%201]\nmdev = " UUID1 "\n"
        "\n[guest b]\nfeatures = ap,apft\nnumber = 4\n"
        "\n[guest Guest%201 bus]\ndomain = 4\n"
        "\n[guest Guest%201 card 0x06]\noffline = yes\nqueues-offline = 4\n"
        "\n[fault 2]\nrule = 06.* 4 reset 5s\nleft = 1\n");
}

/* Everything that can be set by hand; 05.0047 and 06 of guests; a fault and a check-stop stay. */
#define BUSY                                                                                       \
    "\n[adapter 7]\ntype = CEX7C\ncheckstopped = yes\n[bus]\napmask = 0x0\nconfig-time = 40\n"     \
    "poll-thread = yes\nautoprobe = no\npoll-timeout = 7\ndomain = 0x47\n[card 5]\nunbound = "     \
    "0x47\n"                                                                                       \
    "zcrypt = 4\noffline = yes\n[node n]\nminor = 3\n[mdev " UUID1                                 \
    "]\nadapters = 6\ndomains = 4\n"                                                               \
    "[mdev " UUID2 "]\nadapters = 6\ndomains = 0x47\n[guest a]\nmdev = " UUID1 "\n[guest b]\n"
#define HARDWARE                                                                                   \
    "[adapter 7]\ntype = CEX7C\ncheckstopped = yes\n[fault 2]\nrule = 40.* 4 reset 5s\nleft = 1\n"

static bool has_uevent(const struct effects *fx, const char *variable, const char *more)
{
    for (size_t i = 0; i < fx->count; i++) {
        const char *text = effect_text(fx, &fx->v[i]);
        size_t len = fx->v[i].len;

        if (fx->v[i].kind == EFFECT_UEVENT && memmem(text, len, variable, strlen(variable)) &&
            memmem(text, len, more, strlen(more)))
            return true;
    }
    return false;
}

/* busy, started anew, is a machine of HEAD and left. */
static void boots(const char *busy, const char *left)
{
    text_auto why = {0}, input = {0}, out = {0}, expected = {0};
    struct command boot = {.kind = CMD_BOOT};
    struct effects fx = {.want_uevents = true};
    struct core *core, *fresh;
    struct reply reply;

    text_addf(&input, "%s", busy);
    core = make(input.data, &why);
    assert_null(why.data);
    core_execute(core, &boot, &fx, &reply);
    assert_int_equal(reply.result, 0);
    assert_true(has_uevent(&fx, "BINDINGS=complete", "COMPLETECOUNT=1"));
    assert_true(has_uevent(&fx, "MDEV_STATE=registered", "DRIVER=vfio_ap"));
    setup_format(core, &out);
    fresh = make(left, &why);
    assert_null(why.data);
    setup_format(fresh, &expected);
    assert_string_equal(out.data, expected.data);
    core_free(core);
    core_free(fresh);
    effects_done(&fx);
    reply_done(&reply);
}

static void test_a_reboot_leaves_the_hardware(void **state)
{
    boots(HEAD BUSY "[fault 2]\nrule = 40.* 4 reset 5s\nleft = 1\n", HEAD HARDWARE);
    boots("[machine]\ndomains = 4\n[adapter 5]\ntype = CEX7C\n[queue 05.0004]\n"
          "driver-override = vfio_ap\n",
          "[machine]\ndomains = 4\n[adapter 5]\ntype = CEX7C\n");
}

static void test_overrides(void **state)
{
    text_auto why = {0}, out = {0};
    struct core *core = make("[machine]\ndomains = 4\n[adapter 5]\ntype = CEX7C\n"
                             "[queue 05.0004]\ndriver-override = vfio_ap\n[mdev " UUID1
                             "]\nadapters = 5\ndomains = 4\n",
                             &why);
    struct apqn_info q;

    assert_non_null(core);
    core_apqn_info(core, AP_QN(5, 4), &q);
    assert_string_equal(q.driver, "vfio_ap");
    assert_true(q.assigned);
    setup_format(core, &out);
    assert_non_null(strstr(out.data, "[queue 05.0004]\ndriver-override = vfio_ap\n"));
    core_free(core);
}

/* One after the other by number, in whatever order they were written. */
static void test_overrides_are_written_in_order(void **state)
{
    text_auto why = {0}, out = {0};
    struct core *core = make("[machine]\ndomains = 4,5,6\n[adapter 5]\ntype = CEX7C\n"
                             "[queue 05.0006]\ndriver-override = x\n"
                             "[queue 05.0004]\ndriver-override = y\n"
                             "[queue 05.0005]\ndriver-override = z\n",
                             &why);

    assert_non_null(core);
    setup_format(core, &out);
    assert_non_null(strstr(out.data, "[queue 05.0004]\ndriver-override = y\n"
                                     "\n[queue 05.0005]\ndriver-override = z\n"
                                     "\n[queue 05.0006]\ndriver-override = x\n"));
    core_free(core);
}

/* What a guest gets follows from the rest, unless the file says otherwise. */
/* Unless the file says otherwise. */
static void test_a_card_takes_its_queues_along(void **state)
{
    text_auto why = {0}, out = {0};
    struct core *core = make(HEAD "[card 5]\noffline = yes\n", &why);

    assert_non_null(core);
    setup_format(core, &out);
    core_free(core);
    assert_non_null(strstr(out.data, "[card 0x05]\noffline = yes\nqueues-offline = 4,0x47\n"));
    survives("\n[bus]\ndomain = 4\n\n[card 0x05]\noffline = yes\nqueues-offline =\n");
}

static void test_guest_gets(void **state)
{
    text_auto why = {0};
    struct core *core =
        make(HEAD "[card 6]\nunbound = 0x47\n[mdev " UUID1
                  "]\nadapters = 6\ndomains = 4,0x47\n[guest a]\nmdev = " UUID1 "\n",
             &why);
    struct guest_info g;

    assert_non_null(core);
    assert_int_equal(core_guest_find(core, "a", &g), 0);
    assert_true(mask256_empty(&g.apm)); /* withheld as a whole */
    core_free(core);
}

static void test_refusals(void **state)
{
    refused(HEAD "[mdev " UUID1 "]\nadapters = 5\ndomains = 4\n",
            "t.ini:7: APQN 05.0004 belongs to the zcrypt drivers, since its bits in apmask and "
            "aqmask are set; clear one of them in [bus] or [machine]");
    refused(HEAD "[mdev " UUID1 "]\nadapters = 6\ndomains = 4\n[mdev " UUID2
                 "]\nadapters = 6\ndomains = 4\n",
            "t.ini:10: APQN 06.0004 is assigned to " UUID1
            ", too, in line 7; an APQN can belong to one device only");
    refused(HEAD "[mdev " UUID1 "]\n[mdev " UUID1 "]\n",
            "t.ini:8: [mdev " UUID1 "] is given twice, first in line 7; keep one");
    refused(HEAD "[mdev " UUID1 "]\nadapters = 6\ndomains = 4\nguest-adapters = 5\n"
                 "guest-domains = 4\n",
            "t.ini:7: guest-adapters, guest-domains: a guest cannot have APQN 05.0004 of this "
            "device, since it is not among adapters and domains; leave it out");
    refused(HEAD "[mdev " UUID1 "]\nadapters = 5\ndomains = 4\nunchecked = yes\n"
                 "guest-adapters = 5\nguest-domains = 4\n",
            "t.ini:7: guest-adapters, guest-domains: a guest cannot have APQN 05.0004 of this "
            "device, since another driver than vfio_ap has it; leave it out");
    refused(HEAD "[mdev " UUID1 "]\ncontrol-domains = 4\nguest-control-domains = 4,9\n",
            "t.ini:7: guest-control-domains: 9 (0x09) is not among control-domains; leave it out");
    refused(HEAD "[guest a]\nmdev = " UUID1 "\n",
            "t.ini:7: mdev: there is no [mdev " UUID1 "]; add one");
    refused(HEAD "[guest a]\n[guest a]\n",
            "t.ini:8: the guest is given twice, first in line 7; keep one");
    refused(HEAD "[mdev " UUID1 "]\n[guest a]\nfeatures =\nmdev = " UUID1 "\n",
            "t.ini:8: features: a guest without ap cannot have a mediated device");
    refused(HEAD "[mdev " UUID1 "]\n[guest a]\nmdev = " UUID1 "\n[guest b]\nmdev = " UUID1 "\n",
            "t.ini:10: its mediated device is not there, or another guest's");
    refused(HEAD "[card 7]\noffline = yes\n",
            "t.ini:7: there is no card07: the system has no adapter 7 (0x07)");
    refused(HEAD "[card 5]\nunbound = 5\n",
            "t.ini:7: there is no queue 05.0005; leave the domain out");
    refused(HEAD "[card 6]\nqueues-offline = 4\n",
            "t.ini:7: queues-offline: zcrypt drives a queue that is offline, and does not have all "
            "of these; leave the others out");
    refused(HEAD "[queue 06.0004]\ndriver-override = vfio_ap\n",
            "t.ini:7: an override excludes masks: apmask and aqmask must have all bits set");
    refused(HEAD "[guest a]\n[guest b card 5]\n",
            "t.ini:8: there is no section of the guest \"b\"; add one");
    refused(HEAD "[mdev 5]\n", "t.ini:7: \"mdev 5\": mdev is followed by a UUID");
    refused(HEAD "[bus]\nbogus = 1\n",
            "t.ini:8: unknown key \"bogus\"; the keys of this section are apmask, aqmask, domain, "
            "config-time, poll-thread, poll-timeout, autoprobe");
    refused(HEAD "[fault 1]\nrule = nonsense\n[bus]\n",
            "t.ini:7: rule: \"nonsense\" is not a pattern; write ADAPTER.DOMAIN, such as 05.0047, "
            "05.*, *.0004 or 04-06.*, or just *");
    refused(HEAD "[bus]\n[bus]\n",
            "t.ini:8: the same is described twice, first in line 7; keep one");
}

static void test_copy(void **state)
{
    text_auto why = {0}, a = {0}, b = {0};
    struct core *core = make(HEAD "[mdev " UUID1 "]\nadapters = 6\ndomains = 4\nautostart = yes\n"
                                  "[guest a]\nmdev = " UUID1 "\n",
                             &why);
    struct core *copy = setup_copy(core);

    setup_format(core, &a);
    setup_format(copy, &b);
    assert_string_equal(a.data, b.data);
    core_free(core);
    core_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_section),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_overrides_are_written_in_order),
        cmocka_unit_test(test_a_reboot_leaves_the_hardware),
        cmocka_unit_test(test_a_card_takes_its_queues_along),
        cmocka_unit_test(test_guest_gets),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
