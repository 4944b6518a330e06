/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a machine file give either a machine that survives a round trip through a file, or
 * no machine and a one-line error that begins with the file's name and a line number.
 */
#include <stdio.h>
#include <string.h>

#include "../tests/unit/machine_equal.h"
#include "store/machine_file.h"

#include "fuzz.h"

static void check_error(const struct text *error, size_t len)
{
    unsigned line = 0;
    char colon = 0;

    fuzz_check(error->data && sscanf(error->data, "fuzz:%u%c", &line, &colon) == 2);
    fuzz_check(colon == ':' && line >= 1 && line <= len + 1);
    for (size_t i = 0; i < error->len; i++)
        fuzz_check(error->data[i] >= ' ' && error->data[i] <= '~');
}

static void check_limits(const struct machine_config *c)
{
    for (unsigned apid = c->max_adapter + 1u; apid < AP_IDS; apid++)
        fuzz_check(c->adapters[apid].type == 0);
    fuzz_check(mask256_next(&c->usage, c->max_domain + 1u) == MASK256_BITS);
    fuzz_check(mask256_next(&c->control, c->max_domain + 1u) == MASK256_BITS);
    fuzz_check(c->default_domain <= c->max_domain);
    fuzz_check(c->features & AP_QCI_APXA || (c->max_adapter <= 63 && c->max_domain <= 15));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct machine_config c, again;
    text_auto error = {0}, text = {0};

    memset(&c, 0x5a, sizeof c);
    again = c;
    if (machine_file_parse("fuzz", (const char *)data, len, &c, &error) < 0) {
        fuzz_check(memcmp(&c, &again, sizeof c) == 0);
        check_error(&error, len);
        return 0;
    }
    fuzz_check(error.len == 0);
    check_limits(&c);
    machine_file_format(&c, &text);
    fuzz_check(machine_file_parse("again", text.data, text.len, &again, &error) == 0);
    fuzz_check(machine_equal(&c, &again));
    return 0;
}
