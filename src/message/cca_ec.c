/* SPDX-License-Identifier: MIT */
#include "message/cca_ec.h"

#include <errno.h>

#include "message/cca_token.h"

#define SECTION_PRIVATE  0x20u
#define SECTION_PUBLIC   0x21u
#define PRIVATE_BYTES    76u
#define ASSOCIATED_BYTES 16u
#define PUBLIC_BYTES     14u
#define FORMAT_CLEAR     0x40u
#define UNCOMPRESSED     4u
#define FLAG_PRIVATE     0x0020u /* in front of a token with a private key */

/* Offsets in the section of a private key. */
enum {
    AT_USAGE = 8,
    AT_FAMILY = 9,
    AT_FORMAT = 10,
    AT_BITS = 12,
    AT_ASSOCIATED_IBM = 14,
    AT_ASSOCIATED = 72,
    AT_D_BYTES = 74,
};

/* A token; d and q are empty where it is only a template. */
struct token {
    bool has_private, has_public;
    struct cca_ec_curve curve;
    uint8_t usage;
    struct span d, q;
};

bool cca_ec_is(const uint8_t function[2])
{
    return cca_function_is(function, "PG") || cca_function_is(function, "SG") ||
           cca_function_is(function, "SV") || cca_function_is(function, "DH");
}

static int parse_private(struct span section, struct token *t)
{
    struct reader r = reader_of(section);
    struct span head = reader_span(&r, PRIVATE_BYTES);

    if (r.short_input)
        return -EMSGSIZE;
    reader_span(&r, be16_get(head.data + AT_ASSOCIATED));
    t->d = reader_span(&r, be16_get(head.data + AT_D_BYTES));
    if (r.short_input || r.left.len)
        return -EMSGSIZE;
    t->has_private = true;
    t->usage = head.data[AT_USAGE];
    t->curve = (struct cca_ec_curve){head.data[AT_FAMILY], be16_get(head.data + AT_BITS)};
    if (head.data[AT_FORMAT] != FORMAT_CLEAR)
        return -EINVAL;
    return t->d.len && t->d.len != cca_ec_bytes(t->curve) ? -EINVAL : 0;
}

static int parse_public(struct span section, struct token *t)
{
    struct reader r = reader_of(section);
    struct span head = reader_span(&r, PUBLIC_BYTES);
    struct cca_ec_curve curve;

    if (r.short_input)
        return -EMSGSIZE;
    curve = (struct cca_ec_curve){head.data[8], be16_get(head.data + 10)};
    t->q = reader_span(&r, be16_get(head.data + 12));
    if (r.short_input || r.left.len)
        return -EMSGSIZE;
    if (t->has_private && (curve.family != t->curve.family || curve.bits != t->curve.bits))
        return -EINVAL;
    t->has_public = true;
    t->curve = curve;
    if (!t->q.len)
        return 0;
    return t->q.len == 1 + 2 * cca_ec_bytes(curve) && t->q.data[0] == UNCOMPRESSED ? 0 : -EINVAL;
}

/* A section that a token may lack. */
static int parse_section(struct span sections, uint8_t id,
                         int (*parse)(struct span section, struct token *t), struct token *t)
{
    struct span section;
    int error = cca_token_section(sections, id, &section);

    if (error)
        return error == -EINVAL ? 0 : error;
    return parse(section, t);
}

/* An entry of a key block: its length, which counts itself, and what follows. */
static struct span take_entry(struct reader *r)
{
    uint16_t len = reader_u16(r);

    if (len < 2)
        r->short_input = true;
    return reader_span(r, len < 2 ? 0 : len - 2u);
}

/* An entry for a key that is not there: zeros. */
static bool take_null(struct reader *r)
{
    struct span entry = take_entry(r);
    uint8_t any = 0;

    for (size_t i = 0; i < entry.len; i++)
        any |= entry.data[i];
    return any == 0;
}

/* An entry with a token, behind two bytes of flags. */
static int take_token(struct reader *r, struct token *t)
{
    struct reader entry = reader_of(take_entry(r));
    struct span sections;
    int error;

    *t = (struct token){0};
    reader_u16(&entry);
    error = cca_token_sections(&entry, &sections);
    if (!error && entry.left.len)
        error = -EMSGSIZE;
    if (!error)
        error = parse_section(sections, SECTION_PRIVATE, parse_private, t);
    if (!error)
        error = parse_section(sections, SECTION_PUBLIC, parse_public, t);
    return error;
}

static void use(const struct token *t, struct cca_ec_request *out)
{
    out->curve = t->curve;
    out->usage = t->usage;
    out->d = t->d;
    out->q = t->q;
}

/* A template of the key to be generated, and a null token: flags and a byte. */
static int parse_keygen(struct reader *keys, struct cca_ec_request *out)
{
    struct token t;
    int error = take_token(keys, &t);

    if (error)
        return error;
    use(&t, out);
    if (take_entry(keys).len > 3)
        return -EINVAL;
    return t.has_private && t.has_public && !t.d.len && !t.q.len ? 0 : -EINVAL;
}

/* A pair of keys. */
static int parse_pair(struct reader *keys, struct cca_ec_request *out)
{
    struct token t;
    int error = take_token(keys, &t);

    if (error)
        return error;
    use(&t, out);
    return t.d.len && t.q.len ? 0 : -EINVAL;
}

static int parse_verify(struct reader *keys, struct cca_ec_request *out)
{
    struct token t;
    int error = take_token(keys, &t);

    if (error)
        return error;
    use(&t, out);
    return t.q.len && !t.has_private ? 0 : -EINVAL;
}

/* Our private key, its wrapping key, the public key of the other side, three keys for the result:
 * only the first and the third are there. */
static int parse_ecdh(struct reader *keys, struct cca_ec_request *out)
{
    struct token own, other = {0};
    int error = take_token(keys, &own);
    bool null = take_null(keys);

    if (!error)
        error = take_token(keys, &other);
    if (error)
        return error;
    for (unsigned i = 0; i < 3; i++)
        null &= take_null(keys);
    use(&own, out);
    out->q = other.q;
    out->ignored_d = other.d;
    if (own.curve.family != other.curve.family || own.curve.bits != other.curve.bits)
        return -EINVAL;
    return null && own.d.len && other.q.len ? 0 : -EINVAL;
}

/* The data of the service: a hash, a hash and a signature, or nothing that is used. */
static void parse_data(struct span data, const uint8_t function[2], struct reader *r,
                       struct cca_ec_request *out)
{
    struct reader items = reader_of(data);

    if (cca_function_is(function, "SG") || cca_function_is(function, "SV"))
        out->hash = take_entry(&items);
    if (cca_function_is(function, "SV"))
        out->signature = take_entry(&items);
    if (cca_function_is(function, "DH"))
        items.left.len = 0;
    r->short_input |= items.short_input || items.left.len;
}

int cca_ec_parse(const struct cca_params *params, struct cca_ec_request *out)
{
    static const struct {
        const char *function;
        int (*parse)(struct reader *keys, struct cca_ec_request *out);
    } services[] = {
        {"PG", parse_keygen}, {"SG", parse_pair}, {"SV", parse_verify}, {"DH", parse_ecdh}};
    struct reader r = reader_of(params->rest), keys;
    struct cca_ec_request request = {0};
    int error = -EINVAL;

    parse_data(take_entry(&r), params->function, &r, &request);
    keys = reader_of(take_entry(&r));
    if (r.short_input)
        return -EMSGSIZE;
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (cca_function_is(params->function, services[i].function))
            error = services[i].parse(&keys, &request);
    if (!error && (keys.short_input || keys.left.len))
        error = -EMSGSIZE;
    if (!error)
        *out = request;
    return error;
}

int cca_ec_parse_keygen_reply(const struct cca_params *params, struct cca_ec_request *out)
{
    struct reader r = reader_of(params->rest), keys;

    take_entry(&r);
    keys = reader_of(take_entry(&r));
    return r.short_input ? -EMSGSIZE : parse_pair(&keys, out);
}

static void start_reply(const char *function, struct buffer *out)
{
    cca_params_start(function, NULL, out);
}

static void add_associated(const struct cca_ec_request *key, struct buffer *out)
{
    uint8_t *a = buffer_extend(out, ASSOCIATED_BYTES);

    if (!a)
        return;
    be16_put(a + 2, ASSOCIATED_BYTES);
    a[7] = key->curve.family;
    be16_put(a + 8, key->curve.bits);
    a[10] = key->usage;
    a[11] = FORMAT_CLEAR;
}

static void add_private(const struct cca_ec_request *key, struct buffer *out)
{
    uint8_t *h = buffer_extend(out, PRIVATE_BYTES);

    if (!h)
        return;
    h[0] = SECTION_PRIVATE;
    be16_put(h + 2, (uint16_t)(PRIVATE_BYTES + ASSOCIATED_BYTES + key->d.len));
    h[AT_USAGE] = key->usage;
    h[AT_FAMILY] = key->curve.family;
    h[AT_FORMAT] = FORMAT_CLEAR;
    be16_put(h + AT_BITS, key->curve.bits);
    be16_put(h + AT_ASSOCIATED_IBM, ASSOCIATED_BYTES);
    be16_put(h + AT_ASSOCIATED, ASSOCIATED_BYTES);
    be16_put(h + AT_D_BYTES, (uint16_t)key->d.len);
    add_associated(key, out);
    buffer_add_span(out, key->d);
}

static void add_public(const struct cca_ec_request *key, struct buffer *out)
{
    uint8_t *h = buffer_extend(out, PUBLIC_BYTES);

    if (!h)
        return;
    h[0] = SECTION_PUBLIC;
    be16_put(h + 2, (uint16_t)(PUBLIC_BYTES + key->q.len));
    h[8] = key->curve.family;
    be16_put(h + 10, key->curve.bits);
    be16_put(h + 12, (uint16_t)key->q.len);
    buffer_add_span(out, key->q);
}

void cca_ec_format_keygen_reply(const struct cca_ec_request *key, struct buffer *out)
{
    size_t token = CCA_TOKEN_HEAD_BYTES + PRIVATE_BYTES + ASSOCIATED_BYTES + key->d.len +
                   PUBLIC_BYTES + key->q.len;

    start_reply("PG", out);
    buffer_add_u16(out, 2);
    buffer_add_u16(out, (uint16_t)(6 + token));
    buffer_add_u16(out, (uint16_t)(4 + token));
    buffer_add_u16(out, FLAG_PRIVATE);
    cca_token_start(token, out);
    add_private(key, out);
    add_public(key, out);
}

uint8_t *cca_ec_format_sign_reply(struct cca_ec_curve curve, struct buffer *out)
{
    size_t bytes = 2 * cca_ec_bytes(curve);
    uint8_t *signature;

    start_reply("SG", out);
    buffer_add_u16(out, (uint16_t)(8 + bytes));
    buffer_add_u16(out, (uint16_t)(6 + bytes));
    buffer_add_u32(out, (uint32_t)(8 * bytes));
    signature = buffer_extend(out, bytes);
    buffer_add_u16(out, 2);
    return signature;
}

void cca_ec_format_verify_reply(struct buffer *out)
{
    start_reply("SV", out);
    buffer_add_u16(out, 2);
    buffer_add_u16(out, 2);
}

uint8_t *cca_ec_format_ecdh_reply(struct cca_ec_curve curve, struct buffer *out)
{
    static const uint8_t items[] = {0, 14, 0, 4, 0, 0x91, 0, 4, 0, 0x90, 0, 4, 0, 0x92};
    size_t bytes = cca_ec_bytes(curve);

    start_reply("DH", out);
    buffer_add(out, items, sizeof(items));
    buffer_add_u16(out, (uint16_t)(6 + bytes));
    buffer_add_u16(out, (uint16_t)(4 + bytes));
    buffer_add_u16(out, 0);
    return buffer_extend(out, bytes);
}
