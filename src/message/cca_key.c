/* SPDX-License-Identifier: MIT */
/* Parameter blocks of the services for AES DATA keys: KG, CM, US. */
#include "message/cca.h"

#include <errno.h>

/* A key field of a request: length, attribute, token. */
#define KEY_FIELD_BYTES (4u + CCA_TOKEN_BYTES)
#define KEYGEN_FIELDS   6u
#define PARAMS_MAX      512u
/* The block in which a protected key is returned. */
#define KEYBLOCK_KEY_MAX 64u
#define ALGORITHM_AES    2u

static bool aes_length(size_t bytes)
{
    return bytes == 16 || bytes == 24 || bytes == 32;
}

static int format_control(uint16_t domain, struct buffer *params, struct buffer *out)
{
    struct cprbx c = {.func_id = {'T', '2'}, .domain = domain, .reply_bytes = CCA_KEY_REPLY_BYTES};

    if (buffer_finish(params, 0) < 0)
        return -ENOSPC;
    c.params = buffer_span(params);
    return cprbx_format(&c, out);
}

static void add_key_field(uint16_t attribute, struct buffer *out)
{
    buffer_add_u16(out, KEY_FIELD_BYTES);
    buffer_add_u16(out, attribute);
    buffer_extend(out, CCA_TOKEN_BYTES);
}

int cca_keygen_format(uint16_t domain, size_t key_bytes, struct buffer *out)
{
    uint8_t room[PARAMS_MAX];
    struct buffer params = buffer_of(room, sizeof(room));
    char keylen[] = "KEYLN00 ";

    if (!aes_length(key_bytes))
        return -EINVAL;
    keylen[5] = (char)('0' + key_bytes / 10);
    keylen[6] = (char)('0' + key_bytes % 10);
    cca_params_start("KG", NULL, &params);
    buffer_add_u16(&params, 2 + 4 * CCA_RULE_BYTES);
    buffer_add(&params, "OP      ", CCA_RULE_BYTES);
    buffer_add(&params, keylen, CCA_RULE_BYTES);
    buffer_add(&params, "AESDATA ", CCA_RULE_BYTES);
    buffer_extend(&params, CCA_RULE_BYTES); /* the kernel leaves the second type empty */
    buffer_add_u16(&params, 2 + KEYGEN_FIELDS * KEY_FIELD_BYTES);
    for (unsigned i = 0; i < KEYGEN_FIELDS; i++)
        add_key_field(i == 2 ? 0x30 : 0x10, &params);
    return format_control(domain, &params, out);
}

/* The second key type is blank (or zero) for a single key. */
static bool is_empty(const uint8_t word[CCA_RULE_BYTES])
{
    return memcmp(word, "        ", CCA_RULE_BYTES) == 0 ||
           memcmp(word, (uint8_t[CCA_RULE_BYTES]){0}, CCA_RULE_BYTES) == 0;
}

int cca_keygen_parse(const struct cca_params *params, size_t *key_bytes)
{
    struct reader r = reader_of(params->rest);
    uint16_t len = reader_u16(&r);
    struct span words = reader_span(&r, 4 * CCA_RULE_BYTES);

    if (r.short_input)
        return -EMSGSIZE;
    if (len != 2 + 4 * CCA_RULE_BYTES || memcmp(words.data, "OP      ", CCA_RULE_BYTES) ||
        memcmp(words.data + 16, "AESDATA ", CCA_RULE_BYTES) || !is_empty(words.data + 24))
        return -EINVAL;
    if (memcmp(words.data + 8, "KEYLN16 ", CCA_RULE_BYTES) == 0)
        *key_bytes = 16;
    else if (memcmp(words.data + 8, "KEYLN24 ", CCA_RULE_BYTES) == 0)
        *key_bytes = 24;
    else if (memcmp(words.data + 8, "KEYLN32 ", CCA_RULE_BYTES) == 0)
        *key_bytes = 32;
    else
        return -EINVAL;
    return 0;
}

/* Written directly to out, so that no other buffer holds the clear key. */
int cca_import_format(uint16_t domain, struct span clear, struct buffer *out)
{
    struct cprbx c = {.func_id = {'T', '2'}, .domain = domain, .reply_bytes = CCA_KEY_REPLY_BYTES};
    size_t start = out->len;
    int r;

    if (!aes_length(clear.len))
        return -EINVAL;
    r = cprbx_format(&c, out);
    if (r < 0)
        return r;
    cca_params_start("CM", "AES", out);
    buffer_add_u16(out, (uint16_t)(2 + clear.len));
    buffer_add_span(out, clear);
    buffer_add_u16(out, 2 + KEY_FIELD_BYTES);
    add_key_field(0x30, out);
    if (!out->overflow)
        buffer_set_u32(out, start + 12, (uint32_t)(out->len - start - CPRBX_BYTES));
    return buffer_finish(out, start);
}

int cca_import_parse(const struct cca_params *params, struct span *clear)
{
    struct reader r = reader_of(params->rest);
    uint16_t len = reader_u16(&r);
    struct span key;

    if (r.short_input || len < 2)
        return -EMSGSIZE;
    key = reader_span(&r, len - 2u);
    if (r.short_input)
        return -EMSGSIZE;
    if (!aes_length(key.len))
        return -EINVAL;
    *clear = key;
    return 0;
}

int cca_unwrap_format(uint16_t domain, struct span token, struct buffer *out)
{
    uint8_t room[PARAMS_MAX];
    struct buffer params = buffer_of(room, sizeof(room));

    if (token.len != CCA_TOKEN_BYTES)
        return -EINVAL;
    cca_params_start("US", NULL, &params);
    buffer_add_u16(&params, 6);
    buffer_add_u16(&params, 4);
    buffer_add_u16(&params, 1);
    buffer_add_u16(&params, 6 + CCA_TOKEN_BYTES);
    buffer_add_u16(&params, 4 + CCA_TOKEN_BYTES);
    buffer_add_u16(&params, 0);
    buffer_add_span(&params, token);
    return format_control(domain, &params, out);
}

int cca_unwrap_parse(const struct cca_params *params, struct span *token)
{
    struct reader r = reader_of(params->rest);
    uint16_t len = reader_u16(&r);
    struct span key;

    reader_span(&r, 4);
    if (r.short_input)
        return -EMSGSIZE;
    if (len != 6)
        return -EINVAL;
    len = reader_u16(&r);
    reader_span(&r, 4);
    if (r.short_input || len < 6)
        return -EMSGSIZE;
    key = reader_span(&r, len - 6u);
    if (r.short_input)
        return -EMSGSIZE;
    *token = key;
    return 0;
}

void cca_key_format_reply(const uint8_t function[2], struct span token, struct buffer *out)
{
    buffer_add(out, function, 2);
    buffer_add_u16(out, 2);
    buffer_add_u16(out, (uint16_t)(8 + token.len));
    buffer_add_u16(out, (uint16_t)(6 + token.len));
    buffer_add_u16(out, (uint16_t)(4 + token.len));
    buffer_add_u16(out, 0);
    buffer_add_span(out, token);
}

int cca_key_parse_reply(struct span params, struct span *token)
{
    struct reader r = reader_of(params);
    struct span key;
    uint16_t len;

    reader_span(&r, 8);
    len = reader_u16(&r);
    reader_u16(&r);
    if (r.short_input)
        return -EMSGSIZE;
    if (len < 4)
        return -EINVAL;
    key = reader_span(&r, len - 4u);
    if (r.short_input)
        return -EMSGSIZE;
    *token = key;
    return 0;
}

void cca_unwrap_format_reply(const struct cca_protected_key *key, struct buffer *out)
{
    buffer_add(out, "US", 2);
    buffer_add_u16(out, 2);
    /* The block: version, flags, algorithm, form, padding; key; attributes; pattern. */
    buffer_add_u16(out, 6 + 10 + KEYBLOCK_KEY_MAX + 2 + 32 + 2 + CCA_PATTERN_BYTES);
    buffer_add_u16(out, 4 + 10 + KEYBLOCK_KEY_MAX + 2 + 32 + 2 + CCA_PATTERN_BYTES);
    buffer_add_u16(out, 0);
    buffer_add_u8(out, 1);
    buffer_add_u16(out, 0);
    buffer_add_u8(out, ALGORITHM_AES);
    buffer_add_u8(out, 0);
    buffer_extend(out, 3);
    buffer_add_u16(out, (uint16_t)(key->key.len + key->pattern.len));
    buffer_add_span(out, key->key);
    buffer_add_span(out, key->pattern);
    buffer_extend(out, KEYBLOCK_KEY_MAX - key->key.len - key->pattern.len);
    buffer_extend(out, 2 + 32 + 1);
    buffer_add_u8(out, 1);
    buffer_add_number(out, key->pattern, CCA_PATTERN_BYTES);
}

int cca_unwrap_parse_reply(struct span params, struct cca_protected_key *out)
{
    struct reader r = reader_of(params);
    uint16_t len;
    uint8_t version;

    reader_span(&r, 10);
    version = reader_u8(&r);
    reader_span(&r, 7);
    len = reader_u16(&r);
    if (r.short_input)
        return -EMSGSIZE;
    if ((version != 1 && version != 2) || len <= CCA_PATTERN_BYTES ||
        !aes_length(len - CCA_PATTERN_BYTES))
        return -EINVAL;
    if (r.left.len < len)
        return -EMSGSIZE;
    out->key = reader_span(&r, len - CCA_PATTERN_BYTES);
    out->pattern = reader_span(&r, CCA_PATTERN_BYTES);
    out->clear_bytes = len - CCA_PATTERN_BYTES;
    return 0;
}
