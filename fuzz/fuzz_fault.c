/* SPDX-License-Identifier: MIT */
/* Fault rules: an accepted rule survives a round trip through its text; a refusal has a reason and
 * changes nothing. A rule that damages a reply stays within its bytes. */
#include <errno.h>
#include <string.h>

#include "machine/fault.h"

#include "fuzz.h"

static void check_text(const struct fault *f)
{
    struct fault again;
    text_auto text = {0};

    fault_format(f, &text);
    fuzz_check(fault_parse(text.data, text.len, &again, NULL) == 0 && fault_equal(f, &again));
}

static void check_damage(const struct fault *f, const uint8_t *data, size_t size)
{
    uint8_t *reply = malloc(size ? size : 1);
    size_t len = size;

    memcpy(reply, data, size);
    fault_damage_reply(f, reply, &len);
    fuzz_check(len <= size);
    free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault f = {.count = 77}, before = f;
    text_auto why = {0};
    int rc = fault_parse((const char *)data, size, &f, &why);

    if (rc < 0) {
        fuzz_check((rc == -EINVAL || rc == -ERANGE) && why.len && fault_equal(&f, &before));
        return 0;
    }
    fuzz_check(!why.len && f.count && f.first_apid <= f.last_apid && f.first_apqi <= f.last_apqi);
    check_text(&f);
    if (f.kind == FAULT_BAD_REPLY)
        check_damage(&f, data, size);
    return 0;
}
