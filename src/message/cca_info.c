/* SPDX-License-Identifier: MIT */
#include "message/cca_info.h"

#include <errno.h>

#define QUERY_DATA_BYTES 4096u
#define FIELD_BYTES      8u
#define DATA_BYTES_A     204u
#define DATA_BYTES_B     240u

/* Offsets of state and pattern of each register in the reply. */
static const struct {
    uint8_t state[CCA_REGISTERS], pattern[CCA_REGISTERS], pattern_bytes;
} places[CCA_MASTER_KEYS] = {
    [CCA_ASYM] = {{32, 40, 48}, {104, 84, 64}, 16},
    [CCA_AES] = {{56, 64, 72}, {196, 184, 172}, 8},
    [CCA_APKA] = {{80, 88, 96}, {232, 220, 208}, 8},
};

static const char pattern_state[CCA_REGISTERS] = {'3', '2', '2'};

static unsigned key_count(bool with_apka)
{
    return with_apka ? CCA_MASTER_KEYS : CCA_APKA;
}

int cca_query_format(uint16_t domain, const char *keyword, uint64_t address, struct buffer *out)
{
    struct cprbx c = {.func_id = {'T', '2'}, .domain = domain};
    size_t start = out->len;
    int r;

    c.reply_bytes = CCA_QUERY_CONTROL_BYTES;
    c.request_address = address ? address + CPRBX_BYTES : 0;
    c.reply_address = address ? c.request_address + CCA_QUERY_CONTROL_BYTES : 0;
    r = cprbx_format(&c, out);
    if (r < 0)
        return r;
    cca_params_start("FQ", keyword, out);
    buffer_add_u16(out, 2 + QUERY_DATA_BYTES);
    buffer_extend(out, QUERY_DATA_BYTES);
    buffer_add_u16(out, 2);
    buffer_set_u32(out, start + 12, CCA_QUERY_CONTROL_BYTES - CPRBX_BYTES);
    return buffer_finish(out, start);
}

void cca_query_format_reply(const struct cca_info *info, bool with_apka, struct buffer *out)
{
    uint8_t fields[13 * FIELD_BYTES], data[DATA_BYTES_B] = {0};
    size_t field_bytes = (with_apka ? 13 : 10) * FIELD_BYTES;
    size_t data_bytes = with_apka ? DATA_BYTES_B : DATA_BYTES_A;

    memset(fields, ' ', sizeof(fields));
    memcpy(fields, info->serial, CCA_SERIAL_BYTES);
    /* Three fields for the DES master keys, which our adapters never have: empty, invalid,
     * invalid. */
    for (unsigned i = 1; i <= 3; i++)
        fields[i * FIELD_BYTES] = '1';
    for (unsigned k = 0; k < key_count(with_apka); k++) {
        for (unsigned i = 0; i < CCA_REGISTERS; i++) {
            fields[places[k].state[i]] = (uint8_t)info->keys[k][i].state;
            if (info->keys[k][i].state == pattern_state[i])
                memcpy(data + places[k].pattern[i], info->keys[k][i].pattern,
                       places[k].pattern_bytes);
        }
    }
    buffer_add(out, "FQ", 2);
    buffer_add_u16(out, (uint16_t)(2 + field_bytes));
    buffer_add(out, fields, field_bytes);
    buffer_add_u16(out, (uint16_t)(2 + data_bytes));
    buffer_add(out, data, data_bytes);
}

static int parse_array(struct reader *r, size_t least, struct span *out)
{
    uint16_t len = reader_u16(r);

    if (len < 2)
        return -EMSGSIZE;
    *out = reader_span(r, len - 2u);
    return r->short_input || out->len < least ? -EMSGSIZE : 0;
}

int cca_query_parse_reply(struct span params, bool with_apka, struct cca_info *out)
{
    struct reader r = reader_of(params);
    struct span fields, data;

    reader_span(&r, 2);
    if (parse_array(&r, (with_apka ? 13 : 10) * FIELD_BYTES, &fields) < 0 ||
        parse_array(&r, with_apka ? DATA_BYTES_B : DATA_BYTES_A, &data) < 0)
        return -EMSGSIZE;
    memcpy(out->serial, fields.data, CCA_SERIAL_BYTES);
    for (unsigned k = 0; k < key_count(with_apka); k++) {
        for (unsigned i = 0; i < CCA_REGISTERS; i++) {
            out->keys[k][i].state = (char)fields.data[places[k].state[i]];
            memset(out->keys[k][i].pattern, 0, CCA_PATTERN_BYTES_MAX);
            if (out->keys[k][i].state == pattern_state[i])
                memcpy(out->keys[k][i].pattern, data.data + places[k].pattern[i],
                       places[k].pattern_bytes);
        }
    }
    return 0;
}
