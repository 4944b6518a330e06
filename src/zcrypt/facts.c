/* SPDX-License-Identifier: MIT */
#include "zcrypt/facts.h"

#define REQUEST_MAX 8192u

static bool usable(const struct zcrypt *z, ap_qn qn)
{
    return zcrypt_queue_listed(z, qn) && zcrypt_queue_operational(z, qn) &&
           zcrypt_card_operational(z, AP_QN_APID(qn));
}

static bool ask(const struct zcrypt *z, ap_qn qn, const struct buffer *request, uint8_t version,
                struct text *reply, struct outcome *out)
{
    if (request->overflow || !usable(z, qn) ||
        !ap_queue_ask(z->bus, qn, buffer_span(request), reply))
        return false;
    *out = type86_judge_cprb(span_of(reply->data, reply->len), version);
    return out->error == 0 && !out->rtcode;
}

bool facts_cca(const struct zcrypt *z, ap_qn qn, struct cca_info *out)
{
    uint8_t control_room[CCA_QUERY_CONTROL_BYTES], room[REQUEST_MAX];
    struct buffer control = buffer_of(control_room, sizeof control_room);
    struct buffer message = buffer_of(room, sizeof room);
    struct type6 request = {
        .agent = {'C', 'A'}, .function = {'F', 'Q'}, .reply_control = CCA_QUERY_CONTROL_BYTES};
    struct cca_info info = {0};
    text_auto reply = {0};
    struct outcome outcome;
    struct cprbx block;

    if (cca_query_format((uint16_t)AP_QN_APQI(qn), "STATICSB", 0, &control) < 0)
        return false;
    request.control = buffer_span(&control);
    if (type6_format(&request, true, &message) < 0 ||
        !ask(z, qn, &message, CPRBX_VERSION, &reply, &outcome) ||
        cprbx_parse_reply(outcome.control, &block) < 0 ||
        cca_query_parse_reply(block.params, true, &info) < 0)
        return false;
    *out = info;
    return true;
}

static bool ask_ep11(const struct zcrypt *z, ap_qn qn, enum ep11_query query, struct text *reply,
                     struct span *data)
{
    uint8_t control_room[256], room[512];
    struct buffer control = buffer_of(control_room, sizeof control_room);
    struct buffer message = buffer_of(room, sizeof room);
    struct ep11_payload payload;
    struct outcome outcome;
    struct ep11_cprb block;
    uint32_t returned;

    return ep11_query_format(AP_QN_APQI(qn), query, &control) == 0 &&
           ep11_format_message(buffer_span(&control), REQUEST_MAX, &message) == 0 &&
           ask(z, qn, &message, EP11_VERSION, reply, &outcome) &&
           ep11_parse(outcome.control, &block) == 0 &&
           ep11_reply_parse(block.payload, &payload, &returned) == 0 && returned == 0 &&
           ep11_octets_parse(&payload.rest, data) == 0;
}

bool facts_ep11_domain(const struct zcrypt *z, ap_qn qn, struct ep11_domain_info *out)
{
    text_auto reply = {0};
    struct span data;

    return ask_ep11(z, qn, EP11_QUERY_DOMAIN, &reply, &data) && ep11_domain_parse(data, out) == 0;
}

bool facts_ep11_module(const struct zcrypt *z, unsigned apid, struct ep11_module_info *out)
{
    const struct zcrypt_card *zc = &z->cards[apid];
    const struct zcrypt_queue *zq;

    TAILQ_FOREACH (zq, &zc->members, link) {
        ap_qn qn = zcrypt_queue_id(z, zc, zq);
        text_auto reply = {0};
        struct span data;

        if (!usable(z, qn))
            continue;
        return ask_ep11(z, qn, EP11_QUERY_MODULE, &reply, &data) &&
               ep11_module_parse(data, out) == 0;
    }
    return false;
}

bool facts_card_answers(const struct zcrypt *z, unsigned apid)
{
    const struct zcrypt_card *zc = &z->cards[apid];
    const struct zcrypt_queue *zq;

    TAILQ_FOREACH (zq, &zc->members, link)
        if (usable(z, zcrypt_queue_id(z, zc, zq)))
            return true;
    return false;
}

void facts_show_op_modes(uint64_t modes, struct text *out)
{
    static const char *const names[] = {"FIPS2009",  "BSI2009",     "FIPS2011",
                                        "BSI2011",   "SIGG-IMPORT", "SIGG",
                                        "BSICC2017", "FIPS2021",    "FIPS2024"};
    const char *blank = "";

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (modes >> i & 1) {
            text_addf(out, "%s%s", blank, names[i]);
            blank = " ";
        }
    }
    text_adds(out, "\n");
}
