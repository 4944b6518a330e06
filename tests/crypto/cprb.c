/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "client.h"

/* Requests to coprocessors, byte by byte. Integers in a CPRB are big-endian. */

#define CPRBX 220

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

struct cca {
    uint8_t request[CPRBX + 4200], reply[CPRBX + 8192], data[8192];
    size_t len;
    struct xcrb x;
};

static void add(struct cca *c, const void *data, size_t len)
{
    memcpy(c->request + c->len, data, len);
    c->len += len;
}

static void add16(struct cca *c, unsigned v)
{
    put16(c->request + c->len, v);
    c->len += 2;
}

static void add_zeros(struct cca *c, size_t len)
{
    memset(c->request + c->len, 0, len);
    c->len += len;
}

static void cca_start(struct cca *c, unsigned domain, const char *service, const char *rule)
{
    memset(c, 0, sizeof *c);
    put16(c->request, CPRBX);
    c->request[2] = 2;
    memcpy(c->request + 6, "T2", 2);
    put16(c->request + 170, domain);
    c->len = CPRBX;
    add(c, service, 2);
    add16(c, rule ? 10 : 2);
    if (rule)
        add(c, rule, 8);
}

/* Sends the request: 0 and *rc, or the errno. params: those of the reply. */
static int cca_send(int fd, struct cca *c, unsigned card, uint32_t *rc)
{
    put32(c->request + 12, (uint32_t)(c->len - CPRBX));
    put32(c->request + 20, sizeof c->reply);
    c->x.agent_ID = 0x4341;
    c->x.user_defined = card;
    c->x.request_control_blk_length = (uint32_t)c->len;
    c->x.request_control_blk_addr = c->request;
    c->x.reply_control_blk_length = sizeof c->reply;
    c->x.reply_control_blk_addr = c->reply;
    if (ioctl(fd, ZSECSENDCPRB, &c->x))
        return errno;
    if (c->x.status)
        fail("xcRB.status is 0x%08x", c->x.status);
    if (c->x.reply_control_blk_length < CPRBX)
        fail("reply control block of %u bytes", c->x.reply_control_blk_length);
    *rc = get32(c->reply + 144);
    return 0;
}

int cca_random(int fd, unsigned domain, unsigned bytes, uint8_t *out)
{
    struct cca c;
    uint32_t rc = 0;
    int err;

    cca_start(&c, domain, "RL", "RANDOM  ");
    add16(&c, 2);
    add16(&c, 2);
    put32(c.request + 28, bytes);
    c.x.reply_data_length = sizeof c.data;
    c.x.reply_data_addr = c.data;
    err = cca_send(fd, &c, 0xffffffff, &rc);
    if (err)
        return err;
    if (rc || c.x.reply_data_length != bytes)
        fail("RL: code 0x%08x, %u bytes", rc, c.x.reply_data_length);
    memcpy(out, c.data, bytes);
    return 0;
}

int cca_call(int fd, unsigned card, const char *service, const char *rule, const uint8_t *params,
             size_t len, uint8_t *reply, size_t room, uint32_t *rc)
{
    struct cca c;
    int err;

    cca_start(&c, 0xffff, service, rule);
    add(&c, params, len);
    err = cca_send(fd, &c, card, rc);
    if (err == 0)
        memcpy(reply, c.reply + CPRBX, room);
    return err;
}

int cca_keygen(int fd, unsigned card, unsigned domain, uint8_t token[64], uint32_t *rc)
{
    struct cca c;
    int err;

    cca_start(&c, domain, "KG", NULL);
    add16(&c, 34);
    add(&c, "OP      KEYLN32 AESDATA         ", 32);
    add16(&c, 2 + 6 * 68);
    for (unsigned i = 0; i < 6; i++) {
        add16(&c, 68);
        add16(&c, i == 2 ? 0x30 : 0x10);
        add_zeros(&c, 64);
    }
    err = cca_send(fd, &c, card, rc);
    if (err || *rc)
        return err;
    if (get16(c.reply + CPRBX + 8) != 68)
        fail("KG: a token of %u bytes", get16(c.reply + CPRBX + 8) - 4);
    memcpy(token, c.reply + CPRBX + 12, 64);
    return 0;
}

int cca_unwrap(int fd, unsigned card, unsigned domain, const uint8_t token[64], uint8_t out[32],
               uint32_t *rc)
{
    struct cca c;
    int err;

    cca_start(&c, domain, "US", NULL);
    add16(&c, 6);
    add16(&c, 4);
    add16(&c, 1);
    add16(&c, 70);
    add16(&c, 68);
    add16(&c, 0);
    add(&c, token, 64);
    err = cca_send(fd, &c, card, rc);
    if (err == 0 && *rc == 0)
        memcpy(out, c.reply + CPRBX + 20, 32);
    return err;
}

static void print_hex(const char *what, const uint8_t *data, size_t len)
{
    printf("%s ", what);
    while (len--)
        printf("%02x", *data++);
    putchar('\n');
}

int cca_query(int fd, unsigned card, unsigned domain)
{
    const uint8_t *fields, *data;
    struct cca c;
    uint32_t rc = 0;
    int err;

    cca_start(&c, domain, "FQ", "STATICSB");
    add16(&c, 2 + 4096);
    add_zeros(&c, 4096);
    add16(&c, 2);
    err = cca_send(fd, &c, card, &rc);
    if (err)
        return err;
    if (rc)
        fail("FQ: code 0x%08x", rc);
    fields = c.reply + CPRBX + 4;
    data = fields + get16(fields - 2) - 2 + 2;
    printf("serial %.8s\naes-state %c\n", (const char *)fields, fields[64]);
    print_hex("aes", data + 184, 8);
    print_hex("apka", data + 220, 8);
    print_hex("asym", data + 84, 16);
    return 0;
}

static size_t ep11_request(uint8_t *b, unsigned domain, unsigned type)
{
    memset(b, 0, 32);
    put16(b, 32);
    b[2] = 4;
    memcpy(b + 6, "T4", 2);
    put32(b + 12, domain);
    memcpy(b + 32, "\x30\x18\x04\x04\0\1\0\x26\x04\x04", 10);
    put32(b + 42, domain);
    memcpy(b + 46, "\x04\x04", 2);
    put32(b + 48, type);
    memcpy(b + 52, "\x04\x04\0\0\0\0", 6);
    put32(b + 28, 26);
    return 58;
}

int ep11_query(int fd, unsigned card, unsigned domain, unsigned type)
{
    uint8_t request[64], reply[4096];
    struct target target = {(uint16_t)card, (uint16_t)domain};
    struct urb urb = {.targets_num = 1,
                      .targets = (uintptr_t)&target,
                      .req_len = ep11_request(request, domain, type),
                      .req = (uintptr_t)request,
                      .resp_len = sizeof reply,
                      .resp = (uintptr_t)reply};

    if (ioctl(fd, ZSENDEP11CPRB, &urb))
        return errno;
    if (urb.resp_len < 58 || get32(reply + 50))
        fail("EP11: %llu bytes, returned 0x%x", (unsigned long long)urb.resp_len,
             get32(reply + 50));
    if (type == 1)
        printf("api %u\nfirmware %u.%u\nserial %.16s\n", get32(reply + 58), reply[66], reply[67],
               (const char *)reply + 58 + 108);
    else
        print_hex("wk", reply + 58 + 4, 32);
    return 0;
}

static void try(int fd, const char *what, unsigned long request, void *argument)
{
    printf("%s %s\n", what, ioctl(fd, request, argument) < 0 ? strerrorname_np(errno) : "0");
}

static void wild_cca(int fd, struct cca *c, uint32_t *rc)
{
    struct xcrb x;

    cca_send(fd, c, 0xffffffff, rc);
    x = c->x;
    x.request_control_blk_addr = (void *)0x1000;
    try(fd, "control-wild", ZSECSENDCPRB, &x);
    x = c->x;
    x.reply_control_blk_length = sizeof c->reply;
    x.reply_control_blk_addr = (void *)0x1000;
    try(fd, "reply-wild", ZSECSENDCPRB, &x);
    x = c->x;
    x.request_data_length = 8;
    x.request_data_address = (void *)0x1000;
    try(fd, "data-wild", ZSECSENDCPRB, &x);
    x = c->x;
    x.request_control_blk_length = 219;
    try(fd, "control-short", ZSECSENDCPRB, &x);
    x = c->x;
    x.reply_control_blk_length = 219;
    try(fd, "reply-short", ZSECSENDCPRB, &x);
    x = c->x;
    x.request_control_blk_length = 220;
    try(fd, "control-without-function", ZSECSENDCPRB, &x);
    x = c->x;
    x.reply_control_blk_length = 0xfffffffd;
    try(fd, "reply-huge", ZSECSENDCPRB, &x);
    x = c->x;
    x.reply_control_blk_length = 0x80000000;
    x.reply_data_length = 0x80000000;
    try(fd, "reply-sum-huge", ZSECSENDCPRB, &x);
    x = c->x;
    x.request_control_blk_length = 65537;
    try(fd, "control-65537", ZSECSENDCPRB, &x);
    x = c->x;
    x.request_control_blk_length = 0xffffffff;
    try(fd, "control-huge", ZSECSENDCPRB, &x);
    x = c->x;
    x.user_defined = 0x33;
    x.status = 0xdeadbeef;
    try(fd, "card-unknown", ZSECSENDCPRB, &x);
    printf("card-unknown-status 0x%08x\n", x.status);
    x = c->x;
    x.request_control_blk_length = 219;
    x.request_control_blk_addr = NULL;
    x.status = 0xdeadbeef;
    try(fd, "control-short-and-wild", ZSECSENDCPRB, &x);
    printf("control-short-and-wild-status 0x%08x\n", x.status);
    x = c->x;
    x.agent_ID = 0x5858;
    x.reply_control_blk_length = sizeof c->reply;
    try(fd, "agent-unknown", ZSECSENDCPRB, &x);
    printf("agent-unknown-status 0x%08x\n", x.status);
    memcpy(c->request + 6, "XX", 2);
    c->x.reply_control_blk_length = sizeof c->reply;
    try(fd, "function-unknown", ZSECSENDCPRB, &c->x);
    printf("function-unknown-code 0x%08x\n", get32(c->reply + 144));
}

int command_cprb_errors(int fd)
{
    uint8_t request[64], reply[4096];
    struct target target = {0xffff, 0xffff};
    struct urb good = {.req = (uintptr_t)request,
                       .resp_len = sizeof reply,
                       .resp = (uintptr_t)reply},
               urb;
    struct cca c;
    uint32_t rc = 0;

    cca_start(&c, 0xffff, "RL", "RANDOM  ");
    add16(&c, 2);
    add16(&c, 2);
    put32(c.request + 28, 8);
    c.x.reply_data_length = sizeof c.data;
    c.x.reply_data_addr = c.data;
    wild_cca(fd, &c, &rc);
    good.req_len = ep11_request(request, 0, 1);
    urb = good, urb.req = 0x1000;
    try(fd, "ep11-request-wild", ZSENDEP11CPRB, &urb);
    urb = good, urb.resp = 0x1000;
    try(fd, "ep11-reply-wild", ZSENDEP11CPRB, &urb);
    urb = good, urb.targets_num = 1, urb.targets = 0x1000;
    try(fd, "ep11-targets-wild", ZSENDEP11CPRB, &urb);
    urb = good, urb.req_len = UINT64_MAX;
    try(fd, "ep11-request-huge", ZSENDEP11CPRB, &urb);
    urb = good, urb.req_len = 31;
    try(fd, "ep11-request-short", ZSENDEP11CPRB, &urb);
    urb = good, urb.resp_len = 8;
    try(fd, "ep11-reply-short", ZSENDEP11CPRB, &urb);
    urb = good, urb.resp_len = 31;
    try(fd, "ep11-reply-31", ZSENDEP11CPRB, &urb);
    urb = good, urb.resp_len = 40;
    try(fd, "ep11-reply-40", ZSENDEP11CPRB, &urb);
    urb = good, urb.req_len = 36, urb.req = 0;
    try(fd, "ep11-short-and-wild", ZSENDEP11CPRB, &urb);
    urb = good, urb.resp_len = 0xfffffffd;
    try(fd, "ep11-reply-huge", ZSENDEP11CPRB, &urb);
    urb = good, urb.targets_num = 1, urb.targets = (uintptr_t)&target;
    try(fd, "ep11-any", ZSENDEP11CPRB, &urb);
    target.ap_id = 0x33;
    try(fd, "ep11-target-unknown", ZSENDEP11CPRB, &urb);
    return 0;
}

/* A request of a domain's administrator, and one that is neither that nor usage. */
int command_admin(int fd, unsigned domain)
{
    uint8_t request[64], reply[4096];
    struct urb urb = {
        .req = (uintptr_t)request, .resp_len = sizeof reply, .resp = (uintptr_t)reply};
    struct cca c;
    uint32_t rc = 0;

    cca_start(&c, domain, "RL", "RANDOM  ");
    add16(&c, 2);
    add16(&c, 2);
    put32(c.request + 28, 8);
    c.x.reply_data_length = sizeof c.data;
    c.x.reply_data_addr = c.data;
    cca_send(fd, &c, 0xffffffff, &rc);
    c.x.reply_control_blk_length = sizeof c.reply;
    c.x.reply_data_length = sizeof c.data;
    try(fd, "usage", ZSECSENDCPRB, &c.x);
    memcpy(c.request + 6, "T4", 2);
    c.x.reply_control_blk_length = sizeof c.reply;
    try(fd, "neither", ZSECSENDCPRB, &c.x);
    memcpy(c.request + 6, "T3", 2);
    c.x.reply_control_blk_length = sizeof c.reply;
    try(fd, "cca", ZSECSENDCPRB, &c.x);
    urb.req_len = ep11_request(request, domain, 1);
    request[5] = 0x80;
    try(fd, "ep11", ZSENDEP11CPRB, &urb);
    return 0;
}
