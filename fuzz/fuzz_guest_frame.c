/* SPDX-License-Identifier: MIT */
/* The codec of the guest protocol: a parsed frame must format to the same bytes, and a client
 * stores a reply only inside the operand of its instruction. */
#include <stdlib.h>
#include <string.h>

#include "guest/protocol.h"

#include "fuzz.h"

static void check_reply(const struct guest_insn *insn, const struct guest_insn_reply *reply)
{
    const char *why = NULL;

    if (guest_reply_check(insn, reply, &why) < 0) {
        fuzz_check(why);
        return;
    }
    if (!reply->data_len)
        return;
    fuzz_check(insn->opcode != GUEST_OPCODE_NQAP);
    if (insn->opcode == GUEST_OPCODE_DQAP)
        fuzz_check(reply->address - insn->p2[0] + reply->data_len <= insn->p2[1]);
}

static void check_absent(const struct guest_insn *insn)
{
    struct guest_insn_reply reply;
    uint8_t block[128];
    struct guest_frame frame = {.type = GUEST_INSN_REPLY, .id = 1};
    uint8_t bytes[512];
    size_t len;

    guest_reply_absent(insn, block, &reply);
    fuzz_check(guest_reply_check(insn, &reply, NULL) == 0);
    frame.insn_reply = reply;
    fuzz_check(guest_frame_format(&frame, bytes, sizeof(bytes), &len, NULL) == 0);
}

/* Checks one frame; keeps an instruction to check a following reply against. */
static void check_frame(const uint8_t *bytes, size_t len, struct guest_insn *insn)
{
    static uint8_t again[GUEST_FRAME_MAX];
    struct guest_frame frame;
    const char *why = NULL;
    size_t again_len;

    if (guest_frame_parse(bytes, len, &frame, &why) < 0) {
        fuzz_check(why);
        return;
    }
    fuzz_check(guest_frame_format(&frame, again, sizeof(again), &again_len, NULL) == 0);
    fuzz_check(again_len == len && memcmp(again, bytes, len) == 0);
    if (frame.type == GUEST_INSN) {
        *insn = frame.insn;
        check_absent(insn);
    } else if (frame.type == GUEST_INSN_REPLY) {
        check_reply(insn, &frame.insn_reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guest_insn insn = {.opcode = GUEST_OPCODE_DQAP, .p2 = {0x1000, 64}};
    size_t frame_len;

    while (guest_frame_measure(data, size, &frame_len, NULL) == 0 && frame_len <= size) {
        check_frame(data, frame_len, &insn);
        data += frame_len;
        size -= frame_len;
    }
    check_frame(data, size, &insn);
    return 0;
}
