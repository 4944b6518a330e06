/* SPDX-License-Identifier: MIT */
/* Writes to uevent attributes: an accepted one gives well-formed variables; a refusal logs one line
 * and has no other effect. */
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"

#include "fuzz.h"

static void check_vars(const struct synth *s)
{
    size_t count = 0;

    fuzz_check(s->vars.len && s->vars.data[s->vars.len - 1] == '\0');
    for (size_t at = 0; at < s->vars.len; at += strlen(s->vars.data + at) + 1, count++) {
        const char *var = s->vars.data + at, *wanted = count ? "SYNTH_ARG_" : "SYNTH_UUID=";

        fuzz_check(strncmp(var, wanted, strlen(wanted)) == 0);
        fuzz_check(strchr(var, '=') && strchr(var, '=')[1] && !strchr(var, ' '));
    }
    fuzz_check(count <= 64 && s->vars.len <= 2048);
}

static void check_store(const char *data, size_t len, int parsed)
{
    struct effects fx = {.want_uevents = true};
    int r = synth_store("devices/x", "ap", "DRIVER=y\nMODALIAS=z\n", data, len, &fx);

    fuzz_check(r == parsed || (parsed == 0 && r < 0));
    fuzz_check(fx.count == 1 && fx.v[0].kind == (r == 0 ? EFFECT_UEVENT : EFFECT_LOG));
    if (r == 0)
        fuzz_check(fx.v[0].len == fx.pool.len && fx.pool.data[fx.pool.len - 1] == '\0');
    effects_done(&fx);
    fuzz_check(synth_store("devices/x", NULL, "", data, len, &fx) == parsed);
    fuzz_check(fx.count == (parsed < 0));
    effects_done(&fx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct synth s;
    int r = synth_parse((const char *)data, size, &s);

    check_store((const char *)data, size, r);
    if (r < 0)
        return 0;
    check_vars(&s);
    synth_done(&s);
    return 0;
}
