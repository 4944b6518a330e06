/* SPDX-License-Identifier: MIT */
/* Messages of adapters before CEX2: a parsed one formats to the same bytes, and a fault can turn
 * any bytes into such a reply. */
#include <stdlib.h>

#include "machine/fault.h"
#include "message/older.h"

#include "fuzz.h"

static void check_type84(struct span message)
{
    static uint8_t room[UINT16_MAX];
    struct buffer out = buffer_of(room, sizeof(room));
    struct span data;

    if (type84_parse(message, &data) < 0)
        return;
    fuzz_check(type84_format(data, &out) == 0 && out.len == message.len);
    fuzz_check(type84_parse(buffer_span(&out), &data) == 0);
}

static void check_cprb(struct span control, enum cprb_way way)
{
    static uint8_t room[CPRB_BYTES + UINT16_MAX];
    struct buffer out = buffer_of(room, sizeof(room));
    struct cprb c, again;

    if (cprb_parse(control, way, &c) < 0)
        return;
    fuzz_check(CPRB_BYTES + c.params.len <= control.len);
    fuzz_check(cprb_format(&c, way, &out) == 0);
    fuzz_check(cprb_parse(buffer_span(&out), way, &again) == 0);
    fuzz_check(again.rtcode == c.rtcode && again.rscode == c.rscode);
    fuzz_check(span_equal(again.params, c.params.data, c.params.len));
}

static void check_fault(const uint8_t *data, size_t len)
{
    const struct fault older = {.kind = FAULT_BAD_REPLY, .damage = DAMAGE_OLDER};
    uint8_t *reply = malloc(len + 1);
    size_t damaged = len;

    fuzz_check(reply != NULL);
    memcpy(reply, data, len);
    fault_damage_reply(&older, reply, &damaged);
    fuzz_check(damaged <= len);
    free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_type84(span_of(data, len));
    check_cprb(span_of(data, len), CPRB_REQUEST);
    check_cprb(span_of(data, len), CPRB_REPLY);
    if (len)
        check_fault(data, len);
    return 0;
}
