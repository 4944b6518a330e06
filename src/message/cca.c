/* SPDX-License-Identifier: MIT */
#include "message/cca.h"

#include <errno.h>

int cca_params_parse(struct span params, struct cca_params *out)
{
    struct reader r = reader_of(params);
    struct span function = reader_span(&r, 2);
    uint16_t rules = reader_u16(&r);
    struct cca_params p = {0};

    if (r.short_input || rules < 2)
        return -EMSGSIZE;
    p.rules = reader_span(&r, rules - 2u);
    if (r.short_input)
        return -EMSGSIZE;
    if (p.rules.len % CCA_RULE_BYTES)
        return -EINVAL;
    memcpy(p.function, function.data, 2);
    p.rest = r.left;
    *out = p;
    return 0;
}

bool cca_function_is(const uint8_t function[2], const char *name)
{
    return function[0] == (uint8_t)name[0] && function[1] == (uint8_t)name[1];
}

bool cca_function_special(const uint8_t function[2])
{
    return cca_function_is(function, "US") || cca_function_is(function, "AU");
}

/* Keywords are padded with blanks. */
static void pad_keyword(const char *keyword, char out[CCA_RULE_BYTES])
{
    size_t len = strnlen(keyword, CCA_RULE_BYTES);

    memset(out, ' ', CCA_RULE_BYTES);
    memcpy(out, keyword, len);
}

bool cca_rules_have(struct span rules, const char *keyword)
{
    char padded[CCA_RULE_BYTES];

    pad_keyword(keyword, padded);
    for (size_t at = 0; at + CCA_RULE_BYTES <= rules.len; at += CCA_RULE_BYTES)
        if (memcmp(rules.data + at, padded, CCA_RULE_BYTES) == 0)
            return true;
    return false;
}

void cca_params_start(const char *function, const char *keyword, struct buffer *out)
{
    char padded[CCA_RULE_BYTES];

    buffer_add(out, function, 2);
    buffer_add_u16(out, keyword ? 2 + CCA_RULE_BYTES : 2);
    if (keyword) {
        pad_keyword(keyword, padded);
        buffer_add(out, padded, sizeof(padded));
    }
}

int cca_random_format(uint16_t domain, uint32_t bytes, struct buffer *out)
{
    uint8_t params_room[16], control_room[CPRBX_BYTES + sizeof(params_room)];
    struct buffer params = buffer_of(params_room, sizeof(params_room));
    struct buffer control = buffer_of(control_room, sizeof(control_room));
    struct cprbx c = {.func_id = {'T', '2'}, .domain = domain, .reply_data_bytes = bytes};
    struct type6 request = {.agent = {'C', 'A'}, .function = {'R', 'L'}, .reply_data = bytes};

    cca_params_start("RL", "RANDOM", &params);
    buffer_add_u16(&params, 2);
    buffer_add_u16(&params, 2);
    c.params = buffer_span(&params);
    c.reply_bytes = sizeof(control_room);
    if (cprbx_format(&c, &control) < 0)
        return -ENOSPC;
    request.control = buffer_span(&control);
    request.reply_control = sizeof(control_room);
    return type6_format(&request, false, out);
}
