/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message/cca.h"
#include "message/ep11.h"
#include "message/type50.h"
#include "zcrypt/internal.h"

/* A request's control block is parsed once, when it comes in. The message is formatted for the
 * chosen queue. */

static int parse_cca(const struct zcrypt_request *r, struct zcrypt_block *out)
{
    struct zcrypt_block block = {.effort = ZCRYPT_EFFORT_MEDIUM};
    struct cprbx cca;

    if (cprbx_parse(r->control, &cca) < 0 || r->control.len == CPRBX_BYTES ||
        r->reply_control < CPRBX_BYTES)
        return -EINVAL;
    block.domain = cca.domain;
    block.usage = memcmp(cca.func_id, "T2", 2) == 0;
    block.admin = cca.func_id[0] == 'T' && cca.func_id[1] && strchr("3567", cca.func_id[1]);
    if (cca.params.len >= 2) {
        memcpy(block.service, cca.params.data, 2);
        block.effort = zcrypt_cca_effort(block.service);
    }
    block.special = cca_function_special(block.service);
    *out = block;
    return 0;
}

static int parse_ep11(const struct zcrypt_request *r, struct zcrypt_block *out)
{
    struct zcrypt_block block = {.effort = ZCRYPT_EFFORT_MEDIUM};
    struct ep11_payload payload;
    struct ep11_cprb ep11;

    if (ep11_parse(r->control, &ep11) < 0 || r->reply_control < EP11_CPRB_BYTES)
        return -EINVAL;
    block.domain = ep11.target;
    block.admin = ep11.flags & EP11_FLAG_ADMIN;
    block.special = ep11.flags & EP11_FLAG_SPECIAL;
    if (ep11_payload_parse(ep11.payload, &payload) == 0)
        block.effort = zcrypt_ep11_effort(payload.function);
    *out = block;
    return 0;
}

int zcrypt_message_parse(const struct zcrypt_request *r, struct zcrypt_block *out)
{
    switch (r->kind) {
    case ZCRYPT_RSA:
        if (r->rsa.input.len > RSA_BYTES_MAX)
            return -ENODEV;
        *out = (struct zcrypt_block){.domain = ZCRYPT_DOMAIN_ANY};
        return rsa_request_check(&r->rsa);
    case ZCRYPT_CCA:
        return parse_cca(r, out);
    case ZCRYPT_EP11:
        return parse_ep11(r, out);
    }
    return -EINVAL;
}

size_t zcrypt_message_len(const struct zcrypt_request *r)
{
    if (r->kind == ZCRYPT_RSA) /* below the limit of every card */
        return 0;
    return TYPE6_HEADER_BYTES + (r->control.len + 3) / 4 * 4 + r->data.len;
}

/* Of either type of RSA message, without its numbers: headers, control block, frame of the key, and
 * what type 50 pads. The numbers are the input, a modulus, and a key's five of half that length. */
#define RSA_FRAME_MAX 640u
#define RSA_NUMBERS   5u

/* An RSA message; or header, control block and data block with padding. */
static size_t message_room(const struct zcrypt_request *r)
{
    return r->kind == ZCRYPT_RSA ? RSA_FRAME_MAX + RSA_NUMBERS * r->rsa.input.len
                                 : zcrypt_message_len(r) + 4;
}

/* A CPRB that names no domain gets that of its queue. */
static int format_cca(const struct zcrypt_request *r, const struct zcrypt_block *block,
                      unsigned apqi, struct ap_message *out)
{
    struct type6 message = {.agent = {r->agent[0], r->agent[1]},
                            .function = {block->service[0], block->service[1]},
                            .reply_control = r->reply_control,
                            .reply_data = r->reply_data,
                            .control = r->control,
                            .data = r->data};
    uint32_t domain = block->domain == ZCRYPT_DOMAIN_ANY ? apqi : block->domain;
    int rc = type6_format(&message, true, &out->data);

    if (rc < 0)
        return rc;
    cprbx_set_domain(out->data.data + TYPE6_HEADER_BYTES, (uint16_t)domain);
    out->admin = (struct ap_admin){!block->usage, domain};
    return 0;
}

/* The adapter may reply as much as the card can; whether the caller has room for it is seen then.
 */
static int format_ep11(const struct zcrypt_request *r, const struct zcrypt_block *block,
                       const struct ap_card *card, unsigned apqi, struct ap_message *out)
{
    uint32_t reply_max = (uint32_t)ap_card_message_max(card) - TYPE86_HEADER_BYTES;
    uint8_t *control = out->data.data + TYPE6_HEADER_BYTES;

    if (ep11_format_message(r->control, reply_max, &out->data) < 0 ||
        (!block->admin && ep11_set_domain(control, r->control.len, apqi) < 0))
        return -EINVAL;
    out->admin = (struct ap_admin){block->admin, block->domain};
    return 0;
}

static int format(const struct zcrypt_request *r, const struct zcrypt_block *block,
                  const struct ap_card *card, unsigned apqi, struct ap_message *out)
{
    switch (r->kind) {
    case ZCRYPT_RSA:
        return card->mode == AP_MODE_ACCEL ? type50_format(&r->rsa, &out->data)
                                           : cca_rsa_format(&r->rsa, (uint16_t)apqi, &out->data);
    case ZCRYPT_CCA:
        return format_cca(r, block, apqi, out);
    case ZCRYPT_EP11:
        return format_ep11(r, block, card, apqi, out);
    }
    return -EINVAL;
}

int zcrypt_message_format(const struct zcrypt_request *r, const struct zcrypt_block *block,
                          const struct ap_card *card, unsigned apqi, struct ap_message *out)
{
    size_t room = message_room(r);
    int rc;

    out->data = buffer_of(xcalloc(1, room), room);
    out->special = block->special;
    out->admin = (struct ap_admin){0};
    rc = format(r, block, card, apqi, out);
    if (rc < 0)
        ap_message_done(out);
    return rc;
}

struct outcome zcrypt_message_judge(const struct zcrypt_request *r, enum ap_mode mode,
                                    struct span reply)
{
    if (r->kind != ZCRYPT_RSA)
        return type86_judge_cprb(reply, r->kind == ZCRYPT_CCA ? CPRBX_VERSION : EP11_VERSION);
    if (mode == AP_MODE_ACCEL)
        return type50_judge(reply, r->rsa.input.len);
    return type86_judge_rsa(reply, r->rsa.input.len);
}
