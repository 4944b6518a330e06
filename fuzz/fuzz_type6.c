/* SPDX-License-Identifier: MIT */
/* The envelopes of type 6 requests and type 86 replies. */
#include "message/keyless.h"
#include "message/type6.h"

#include "fuzz.h"

static void check_inside(struct span whole, struct span part)
{
    if (part.len)
        fuzz_check(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* An accepted request has the same blocks after a round trip. */
static void check_request(struct span message)
{
    uint8_t *room = malloc(2 * message.len + 16);
    struct buffer out = buffer_of(room, 2 * message.len + 16);
    struct type6 r, again;

    fuzz_check(room);
    if (type6_parse(message, &r) == 0) {
        check_inside(message, r.control);
        check_inside(message, r.data);
        if (type6_format(&r, true, &out) == 0) {
            fuzz_check(type6_parse(buffer_span(&out), &again) == 0);
            fuzz_check(span_equal(again.control, r.control.data, r.control.len));
            fuzz_check(span_equal(again.data, r.data.data, r.data.len));
            fuzz_check(again.reply_control == r.reply_control);
        }
    }
    free(room);
}

/* It is the same kind of message without its keys, with the same blocks. */
static void check_keyless(struct span message)
{
    uint8_t *copy = malloc(message.len + 1);
    struct type6 before, after;

    fuzz_check(copy);
    memcpy(copy, message.data, message.len);
    keyless_message(copy, message.len);
    if (type6_parse(message, &before) == 0) {
        fuzz_check(type6_parse(span_of(copy, message.len), &after) == 0);
        fuzz_check(memcmp(copy, message.data, TYPE6_HEADER_BYTES) == 0);
    }
    free(copy);
}

static void check_outcome(struct span reply, struct outcome o)
{
    check_inside(reply, o.control);
    check_inside(reply, o.data);
    fuzz_check(!o.offline || o.error);
    fuzz_check(!o.error || o.data.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span message = span_of(data, len);

    check_request(message);
    check_keyless(message);
    check_outcome(message, type86_judge_cprb(message, 2));
    check_outcome(message, type86_judge_cprb(message, 4));
    check_outcome(message, type86_judge_random(message));
    check_outcome(message, type86_judge_rsa(message, 128));
    fuzz_check(type86_judge_rsa(message, 128).data.len <= 128);
    return 0;
}
