/* SPDX-License-Identifier: MIT */
/*
 * A first line with a path below /sys (or "se", for a command of the Support Element), and any
 * bytes as its value: what would be accepted in place of it is printable, each way is accepted on a
 * copy, and the state stays as it is.
 */
#include <stdio.h>
#include <string.h>

#include "plan/refusal.h"
#include "store/setup.h"

#include "fuzz.h"

static const char machine[] =
    "[machine]\ndomains = 4,0x47\n[adapter 5-6]\ntype = CEX7C\n[bus]\napmask = +5\naqmask = +4\n"
    "[mdev 69aa1a8a-0000-4000-8000-000000000001]\nadapters = 6\ndomains = 4,0x47\n"
    "[mdev 69aa1a8a-0000-4000-8000-000000000002]\n"
    "[guest g]\nmdev = 69aa1a8a-0000-4000-8000-000000000001\n";

static struct core *make(void)
{
    struct effects fx = {0};
    setup_auto setup = {0};
    text_auto why = {0};
    struct core *core = NULL;

    fuzz_check(setup_parse("fuzz", machine, strlen(machine), &setup, &why) == 0 &&
               setup_core(&setup, &core, &fx, &why) == 0);
    effects_done(&fx);
    return core;
}

static void check_accepted(const struct core *core, const struct alternative *a)
{
    struct core *copy = setup_copy(core);

    for (size_t i = 0; i < a->count; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        fuzz_check(plan_step_execute(copy, &a->steps[i], &fx, &why) == 0);
        effects_done(&fx);
    }
    core_free(copy);
}

static void check_text(const struct alternatives *found)
{
    text_auto out = {0};

    alternatives_text(found, &out);
    fuzz_check(out.len > 0);
    for (size_t i = 0; i < found->malformed.len; i++)
        fuzz_check((unsigned char)found->malformed.data[i] >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    text_auto input = {0}, before = {0}, after = {0};
    struct alternatives found;
    struct core *core = make();
    char *value;

    text_add(&input, (const char *)data, len);
    text_adds(&input, "\n");
    value = strchr(input.data, '\n');
    if (value) {
        *value++ = '\0';
        setup_format(core, &before);
        if (strcmp(input.data, "se") == 0)
            alternatives_to_task(core, value, &found);
        else
            alternatives_find(core, input.data, value, &found);
        for (size_t i = 0; i < found.count; i++)
            check_accepted(core, &found.v[i]);
        check_text(&found);
        alternatives_done(&found);
        setup_format(core, &after);
        fuzz_check(strcmp(before.data, after.data) == 0);
    }
    core_free(core);
    return 0;
}
