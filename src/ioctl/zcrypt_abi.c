/* SPDX-License-Identifier: MIT */
#include "ioctl/zcrypt_abi.h"

#include <errno.h>
#include <string.h>

#include "message/cca.h"
#include "message/ep11.h"
#include "message/rsa.h"

#define MODEXPO_BYTES 48u
#define CRT_BYTES     72u
#define XCRB_BYTES    94u
#define URB_BYTES     58u

/* With the least that can be a payload. */
#define EP11_REQUEST_MIN (EP11_CPRB_BYTES + 5)

/*
 * Offsets in structures of 64-bit programs [zcrypt-structures]. ME and CRT have the same beginning.
 *
 * In structures of 32-bit programs all members of ME and CRT have four bytes, so each offset is
 * half of that here. An xcRB has the same size, with the padding before a pointer four bytes
 * longer. The EP11 structure contains no pointers but 64-bit integers. Source: the driver's
 * compat_ioctl.
 */
enum { RSA_INPUT = 0, RSA_INPUT_LEN = 8, RSA_OUTPUT = 16, RSA_OUTPUT_LEN = 24 };
enum { ME_KEY = 32, ME_MODULUS = 40 };
enum { CRT_BP = 32, CRT_BQ = 40, CRT_NP = 48, CRT_NQ = 56, CRT_U = 64 };
enum {
    XCRB_AGENT = 0,
    XCRB_CARD = 2, /* user_defined */
    XCRB_CONTROL_LEN = 8,
    XCRB_CONTROL = 20,
    XCRB_DATA_LEN = 28,
    XCRB_DATA = 40,
    XCRB_REPLY_CONTROL_LEN = 48,
    XCRB_REPLY_CONTROL = 60,
    XCRB_REPLY_DATA_LEN = 68,
    XCRB_REPLY_DATA = 80,
    XCRB_STATUS = 90,
};
enum {
    URB_TARGET_COUNT = 0,
    URB_TARGETS = 2,
    URB_REQUEST_LEN = 26,
    URB_REQUEST = 34,
    URB_REPLY_LEN = 42,
    URB_REPLY = 50,
};

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

size_t zcrypt_abi_struct_len(uint32_t number, bool narrow)
{
    switch (number) {
    case IOCTL_ICARSAMODEXPO:
        return narrow ? MODEXPO_BYTES / 2 : MODEXPO_BYTES;
    case IOCTL_ICARSACRT:
        return narrow ? CRT_BYTES / 2 : CRT_BYTES;
    case IOCTL_ZSECSENDCPRB:
        return XCRB_BYTES;
    case IOCTL_ZSENDEP11CPRB:
        return URB_BYTES;
    default:
        return 0;
    }
}

static uint64_t narrow_pointer(const uint8_t *p)
{
#ifdef __s390x__
    return get32(p) & 0x7fffffff; /* addresses have 31 bits */
#else
    return get32(p);
#endif
}

static size_t rsa_offset(const struct zcrypt_work *w, size_t offset)
{
    return w->narrow ? offset / 2 : offset;
}

static uint64_t get_pointer(const struct zcrypt_work *w, size_t offset)
{
    if (!w->narrow || w->number == IOCTL_ZSENDEP11CPRB)
        return get64(w->bytes + offset);
    if (w->number == IOCTL_ZSECSENDCPRB)
        return narrow_pointer(w->bytes + offset + 4);
    return narrow_pointer(w->bytes + rsa_offset(w, offset));
}

static void add_piece(struct zcrypt_work *w, size_t pointer, size_t len)
{
    w->in[w->in_count++] = (struct zcrypt_piece){get_pointer(w, pointer), (uint32_t)len};
    w->in_len += len;
}

static int parse_rsa(struct zcrypt_work *w)
{
    uint32_t n = get32(w->bytes + rsa_offset(w, RSA_INPUT_LEN));

    if (get32(w->bytes + rsa_offset(w, RSA_OUTPUT_LEN)) < n || n == 0)
        return -EINVAL;
    if (n > RSA_BYTES_MAX)
        return -ENODEV;
    add_piece(w, RSA_INPUT, n);
    if (w->number == IOCTL_ICARSAMODEXPO) {
        add_piece(w, ME_KEY, n);
        add_piece(w, ME_MODULUS, n);
    } else {
        add_piece(w, CRT_NP, rsa_crt_long(n));
        add_piece(w, CRT_NQ, rsa_crt_short(n));
        add_piece(w, CRT_BP, rsa_crt_long(n));
        add_piece(w, CRT_BQ, rsa_crt_short(n));
        add_piece(w, CRT_U, rsa_crt_long(n));
    }
    w->out[0] = (struct zcrypt_piece){get_pointer(w, RSA_OUTPUT), n};
    return 0;
}

/* Whether control, rounded up to a multiple of 4, plus data fits in 32 bits, as in the driver. */
static bool lengths_fit(uint64_t control, uint64_t data)
{
    return control <= UINT32_MAX - 3 && (control + 3) / 4 * 4 + data <= UINT32_MAX;
}

static int parse_xcrb(struct zcrypt_work *w)
{
    uint32_t control = get32(w->bytes + XCRB_CONTROL_LEN), data = get32(w->bytes + XCRB_DATA_LEN);

    /* Lengths come before what is at the addresses. */
    if (control < CPRBX_BYTES || control > ZCRYPT_CONTROL_MAX || data > ZCRYPT_CONTROL_MAX ||
        get32(w->bytes + XCRB_REPLY_CONTROL_LEN) < CPRBX_BYTES ||
        !lengths_fit(get32(w->bytes + XCRB_REPLY_CONTROL_LEN),
                     get32(w->bytes + XCRB_REPLY_DATA_LEN)))
        return -EINVAL;
    add_piece(w, XCRB_CONTROL, control);
    add_piece(w, XCRB_DATA, data);
    w->out[0] = (struct zcrypt_piece){get_pointer(w, XCRB_REPLY_CONTROL),
                                      get32(w->bytes + XCRB_REPLY_CONTROL_LEN)};
    w->out[1] = (struct zcrypt_piece){get_pointer(w, XCRB_REPLY_DATA),
                                      get32(w->bytes + XCRB_REPLY_DATA_LEN)};
    return 0;
}

static int parse_urb(struct zcrypt_work *w)
{
    uint64_t request = get64(w->bytes + URB_REQUEST_LEN), reply = get64(w->bytes + URB_REPLY_LEN);

    if (request > ZCRYPT_CONTROL_MAX || !lengths_fit(reply, 0))
        return -EINVAL;
    /* The targets are read first. */
    if (!get16(w->bytes + URB_TARGET_COUNT) &&
        (request < EP11_REQUEST_MIN || reply < EP11_CPRB_BYTES))
        return -EINVAL;
    add_piece(w, URB_TARGETS, get16(w->bytes + URB_TARGET_COUNT) * ZCRYPT_TARGET_BYTES);
    add_piece(w, URB_REQUEST, (size_t)request);
    w->out[0] = (struct zcrypt_piece){get_pointer(w, URB_REPLY), (uint32_t)reply};
    return 0;
}

int zcrypt_abi_parse(uint32_t number, bool narrow, const uint8_t *structure,
                     struct zcrypt_work *out)
{
    struct zcrypt_work w = {
        .number = number, .narrow = narrow, .struct_len = zcrypt_abi_struct_len(number, narrow)};
    int rc;

    memcpy(w.bytes, structure, w.struct_len);
    if (number == IOCTL_ZSECSENDCPRB)
        rc = parse_xcrb(&w);
    else if (number == IOCTL_ZSENDEP11CPRB)
        rc = parse_urb(&w);
    else
        rc = parse_rsa(&w);
    *out = w;
    return rc;
}

static void request_rsa(const struct zcrypt_work *w, const uint8_t *data,
                        struct zcrypt_request *out)
{
    size_t n = w->in[0].len;
    const uint8_t *at[ZCRYPT_PIECES];

    for (unsigned i = 0; i < w->in_count; i++) {
        at[i] = data;
        data += w->in[i].len;
    }
    out->kind = ZCRYPT_RSA;
    if (w->number == IOCTL_ICARSAMODEXPO)
        out->rsa = rsa_request_me(n, at[0], at[1], at[2]);
    else
        out->rsa = rsa_request_crt(n, at[0], at[1], at[2], at[3], at[4], at[5]);
}

static void request_xcrb(const struct zcrypt_work *w, const uint8_t *data,
                         struct zcrypt_request *out)
{
    uint16_t agent = get16(w->bytes + XCRB_AGENT);

    out->kind = ZCRYPT_CCA;
    out->control = span_of(data, w->in[0].len);
    out->data = span_of(data + w->in[0].len, w->in[1].len);
    out->agent[0] = (uint8_t)(agent >> 8); /* programs set 0x4341 for "CA" */
    out->agent[1] = (uint8_t)agent;
    out->card = get32(w->bytes + XCRB_CARD);
    out->reply_control = w->out[0].len;
    out->reply_data = w->out[1].len;
}

static void request_urb(const struct zcrypt_work *w, const uint8_t *data,
                        struct zcrypt_target *targets, struct zcrypt_request *out)
{
    unsigned count = w->in[0].len / ZCRYPT_TARGET_BYTES;

    for (unsigned i = 0; i < count; i++)
        targets[i] = (struct zcrypt_target){get16(data + ZCRYPT_TARGET_BYTES * i),
                                            get16(data + ZCRYPT_TARGET_BYTES * i + 2)};
    out->kind = ZCRYPT_EP11;
    out->control = span_of(data + w->in[0].len, w->in[1].len);
    out->targets = targets;
    out->target_count = count;
    out->reply_control = w->out[0].len;
}

void zcrypt_abi_request(const struct zcrypt_work *work, const uint8_t *data,
                        struct zcrypt_target *targets, struct zcrypt_request *out)
{
    struct zcrypt_request r = {0};

    if (work->number == IOCTL_ZSECSENDCPRB)
        request_xcrb(work, data, &r);
    else if (work->number == IOCTL_ZSENDEP11CPRB)
        request_urb(work, data, targets, &r);
    else
        request_rsa(work, data, &r);
    *out = r;
}

static void write_piece(struct zcrypt_answer *a, uint64_t address, const void *data, size_t len)
{
    if (!len)
        return;
    a->v[a->count].address = address;
    a->v[a->count].data = data;
    a->v[a->count++].len = len;
}

static void answer_rsa(struct zcrypt_work *w, uint64_t structure, const struct zcrypt_reply *reply,
                       struct zcrypt_answer *a)
{
    size_t length = rsa_offset(w, RSA_OUTPUT_LEN);

    write_piece(a, w->out[0].address, reply->data.data, reply->data.len);
    put32(w->bytes + length, (uint32_t)reply->data.len);
    write_piece(a, structure + length, w->bytes + length, sizeof(uint32_t));
}

/* The structure is written back even if an adapter has rejected the request, for its status, which
 * is 0 if none has seen it. */
static void answer_cprb(struct zcrypt_work *w, uint64_t structure, int error,
                        const struct zcrypt_reply *reply, struct zcrypt_answer *a)
{
    bool xcrb = w->number == IOCTL_ZSECSENDCPRB;

    if (!xcrb && !reply)
        return;
    if (xcrb)
        put32(w->bytes + XCRB_STATUS, reply ? reply->status : 0);
    if (error == 0) {
        write_piece(a, w->out[0].address, reply->control.data, reply->control.len);
        write_piece(a, w->out[1].address, reply->data.data, reply->data.len);
        if (xcrb) {
            put32(w->bytes + XCRB_REPLY_CONTROL_LEN, (uint32_t)reply->control.len);
            put32(w->bytes + XCRB_REPLY_DATA_LEN, (uint32_t)reply->data.len);
        } else {
            put64(w->bytes + URB_REPLY_LEN, reply->control.len);
        }
    }
    write_piece(a, structure, w->bytes, w->struct_len);
}

static bool is_rsa(uint32_t number)
{
    return number == IOCTL_ICARSAMODEXPO || number == IOCTL_ICARSACRT;
}

unsigned zcrypt_abi_expect(const struct zcrypt_work *work, uint64_t structure,
                           struct zcrypt_piece out[ZCRYPT_WRITTEN_PIECES])
{
    if (!is_rsa(work->number))
        return 0;
    out[0] = work->out[0];
    out[1] = (struct zcrypt_piece){structure + rsa_offset(work, RSA_OUTPUT_LEN), sizeof(uint32_t)};
    return 2;
}

int zcrypt_abi_answer(struct zcrypt_work *work, uint64_t structure, int error,
                      const struct zcrypt_reply *reply, struct zcrypt_answer *out)
{
    bool rsa = is_rsa(work->number);
    struct zcrypt_answer a = {0};

    if (error == 0 && ((rsa ? reply->data.len : reply->control.len) > work->out[0].len ||
                       (!rsa && reply->data.len > work->out[1].len)))
        return -EMSGSIZE;
    if (!rsa)
        answer_cprb(work, structure, error, reply, &a);
    else if (error == 0)
        answer_rsa(work, structure, reply, &a);
    *out = a;
    return 0;
}

void zcrypt_abi_status(const struct zcrypt_status *status, uint16_t qn, bool old, bool big_endian,
                       uint8_t out[ZCRYPT_STATUS_BYTES])
{
    unsigned qid_bits = old ? 14 : 16;
    const unsigned widths[] = {8, qid_bits, 1, 6};
    const uint32_t values[] = {status->type, qn & ((1u << qid_bits) - 1), status->online,
                               status->functions & 0x3fu};
    uint32_t word = 0;
    unsigned at = 0;

    for (unsigned i = 0; status->type && i < 4; i++) {
        word |= values[i] << (big_endian ? 32 - at - widths[i] : at);
        at += widths[i];
    }
    for (unsigned i = 0; i < ZCRYPT_STATUS_BYTES; i++)
        out[i] = (uint8_t)(word >> 8 * (big_endian ? 3 - i : i));
}
