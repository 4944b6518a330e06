/* SPDX-License-Identifier: MIT */
#include "store/record_keys.h"

#include "message/keyless.h"

/* The parts are of different width, and each is now the beginning of the same zeros. */
static bool rsa_without(struct rsa_request *r, struct text *room)
{
    struct span *const crt[] = {&r->key.p, &r->key.q, &r->key.dp, &r->key.dq, &r->key.u};
    struct span *const me[] = {&r->me.exponent};
    struct span *const *parts = r->crt ? crt : me;
    unsigned count = r->crt ? sizeof(crt) / sizeof(crt[0]) : 1;
    size_t longest = 0;

    if (!rsa_is_private(r))
        return false;
    for (unsigned i = 0; i < count; i++)
        longest = parts[i]->len > longest ? parts[i]->len : longest;
    *room = (struct text){xcalloc(1, longest + 1), longest, longest + 1};
    for (unsigned i = 0; i < count; i++)
        parts[i]->data = (const uint8_t *)room->data;
    return true;
}

static void copy(struct span from, struct text *room)
{
    if (from.len)
        text_add_private(room, (const char *)from.data, from.len);
}

static bool coprocessor_without(struct zcrypt_request *r, struct text *room)
{
    uint8_t *control, *data;

    copy(r->control, room);
    copy(r->data, room);
    if (!room->len)
        return false;
    control = (uint8_t *)room->data;
    data = control + r->control.len;
    r->control.data = control;
    r->data.data = data;
    return (r->kind == ZCRYPT_EP11 ? keyless_ep11 : keyless_cca)(control, r->control.len, data,
                                                                 r->data.len);
}

static bool message_without(struct ap_insn *insn, struct text *room)
{
    copy(span_of(insn->data, insn->data_len), room);
    insn->data = (const uint8_t *)room->data;
    return insn->data_len && keyless_message((uint8_t *)room->data, insn->data_len);
}

bool record_without_keys(const struct command *cmd, struct command *out, struct text *room)
{
    *out = *cmd;
    if (cmd->kind == CMD_INSN)
        return message_without(&out->insn.insn, room);
    if (cmd->kind != CMD_ZCRYPT)
        return false;
    if (cmd->zcrypt.request.kind == ZCRYPT_RSA)
        return rsa_without(&out->zcrypt.request.rsa, room);
    return coprocessor_without(&out->zcrypt.request, room);
}

bool record_reply_without_keys(const struct command *cmd, struct command *out, struct text *room)
{
    *out = *cmd;
    if (cmd->kind != CMD_JOB_DONE || !cmd->job.len)
        return false;
    copy(span_of(cmd->job.data, cmd->job.len), room);
    out->job.data = (const uint8_t *)room->data;
    return keyless_reply((uint8_t *)room->data, room->len);
}

/* The text of EFFECT_REPLY, as zcrypt_reply_parse reads it. */
static void blank_reply(char *text, size_t len)
{
    struct zcrypt_reply reply;

    if (zcrypt_reply_parse(text, len, &reply) == 0 && reply.control.len)
        keyless_reply_control((uint8_t *)text + ((const char *)reply.control.data - text),
                              reply.control.len);
}

void record_outcome_without_keys(struct ap_insn_result *insn, struct effects *fx)
{
    if (insn->data.len)
        keyless_reply((uint8_t *)insn->data.data, insn->data.len);
    for (size_t i = 0; i < fx->count; i++)
        if (fx->v[i].kind == EFFECT_REPLY && fx->v[i].len)
            blank_reply(fx->pool.data + fx->v[i].text, fx->v[i].len);
}
