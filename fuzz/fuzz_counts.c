/* SPDX-License-Identifier: MIT */
/* The file of counters: what is refused changes nothing; what is accepted is written again and
 * read. */
#include <errno.h>
#include <string.h>

#include "store/counts.h"

#include "fuzz.h"

static struct core *core_make(void)
{
    struct machine_config config;
    struct effects fx = {0};
    struct core *core;

    machine_config_default(&config);
    core = core_new(&config, &fx);
    effects_done(&fx);
    return core;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct core *core = core_make(), *again = core_make();
    text_auto before = {0}, after = {0}, why = {0};
    int rc;

    counts_format(core, &before);
    rc = counts_restore(core, (const char *)data, size, &why);
    counts_format(core, &after);
    if (rc < 0)
        fuzz_check(rc == -EINVAL && why.len && strcmp(before.data, after.data) == 0);
    else
        fuzz_check(counts_restore(again, after.data, after.len, &why) == 0);
    core_free(core);
    core_free(again);
    return 0;
}
