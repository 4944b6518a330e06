/* SPDX-License-Identifier: MIT */
/* What parsers and formatters refuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/cca_info.h"
#include "message/ep11.h"
#include "message/type50.h"

static uint8_t zeros[520];

static struct rsa_request some_me(size_t n)
{
    return rsa_request_me(n, zeros, zeros, zeros);
}

static struct rsa_request some_crt(size_t n)
{
    return rsa_request_crt(n, zeros, zeros, zeros, zeros, zeros, zeros);
}

static void user_form(void **state)
{
    struct rsa_request r;

    for (size_t n = 1; n <= 512; n++) {
        r = some_me(n);
        assert_int_equal(rsa_request_check(&r), 0);
        r = some_crt(n);
        assert_int_equal(rsa_request_check(&r), 0);
        r.key.u.len--;
        assert_int_equal(rsa_request_check(&r), -EINVAL);
    }
    r = some_me(0);
    assert_int_equal(rsa_request_check(&r), -EINVAL);
    r = some_me(513);
    assert_int_equal(rsa_request_check(&r), -EINVAL);
    r = some_me(64);
    r.me.modulus.len = 65;
    assert_int_equal(rsa_request_check(&r), -EINVAL);
}

static void type50_sizes(void **state)
{
    uint8_t room[TYPE50_BYTES_MAX];

    for (size_t n = 1; n <= 512; n++) {
        for (unsigned crt = 0; crt < 2; crt++) {
            struct rsa_request r = crt ? some_crt(n) : some_me(n);
            size_t size = n <= 128 ? 128 : n <= 256 ? 256 : 512;
            struct buffer out = buffer_of(room, sizeof(room));
            struct type50_request parsed;

            assert_int_equal(type50_format(&r, &out), 0);
            assert_int_equal(type50_parse(buffer_span(&out), &parsed), 0);
            assert_int_equal(parsed.size, size);
            assert_int_equal(parsed.rsa.crt, crt);
            out = buffer_of(room, 16 + (crt ? size / 2 * 7 : size * 3) - 1);
            assert_int_equal(type50_format(&r, &out), -ENOSPC);
            assert_int_equal(out.len, 0);
        }
    }
}

static void type50_errors(void **state)
{
    uint8_t room[TYPE50_BYTES_MAX];
    struct buffer out = buffer_of(room, sizeof(room));
    struct rsa_request r = some_me(128);
    struct type50_request parsed, before;

    memset(&parsed, 0x5a, sizeof(parsed));
    before = parsed;
    assert_int_equal(type50_format(&r, &out), 0);
    assert_int_equal(type50_parse(span_of(room, 15), &parsed), -EMSGSIZE);
    assert_int_equal(type50_parse(span_of(NULL, 0), &parsed), -EMSGSIZE);
    assert_int_equal(type50_parse(span_of(room, out.len - 1), &parsed), -EMSGSIZE);
    room[1] = 0x51;
    assert_int_equal(type50_parse(buffer_span(&out), &parsed), -EBADMSG);
    room[1] = 0x50;
    for (unsigned type = 0; type < 65536; type++) {
        bool known = type == 0x11 || (type >= 1 && type <= 3) || (type >= 0x12 && type <= 0x13);
        int want = type == 1 ? 0 : known ? -EMSGSIZE : -ENOTSUP;

        be16_put(room + 8, (uint16_t)type);
        assert_int_equal(
            type50_parse(buffer_span(&out), type == 1 ? &(struct type50_request){0} : &parsed),
            want);
    }
    assert_memory_equal(&parsed, &before, sizeof(parsed));
}

static void type6_errors(void **state)
{
    uint8_t room[256], block[50] = {0}, data[30] = {0};
    const struct type6 request = {
        .control = {block, sizeof(block)}, .data = {data, sizeof(data)}, .reply_control = 77};
    struct buffer out = buffer_of(room, sizeof(room));
    struct type6 parsed;

    assert_int_equal(type6_format(&request, false, &out), 0);
    assert_int_equal(out.len, 88 + 52 + 30);
    assert_int_equal(type6_parse(buffer_span(&out), &parsed), 0);
    assert_ptr_equal(parsed.control.data, room + 88);
    assert_ptr_equal(parsed.data.data, room + 140);
    assert_int_equal(parsed.reply_control, 77);
    assert_int_equal(type6_parse(span_of(room, 87), &parsed), -EMSGSIZE);
    assert_int_equal(type6_parse(span_of(room, out.len - 1), &parsed), -EMSGSIZE);
    be32_put(room + 16, 87);
    assert_int_equal(type6_parse(buffer_span(&out), &parsed), -EINVAL);
    be32_put(room + 16, 0xffffffff);
    assert_int_equal(type6_parse(buffer_span(&out), &parsed), -EMSGSIZE);
    be32_put(room + 16, 88);
    be32_put(room + 56, 0xffffffff);
    assert_int_equal(type6_parse(buffer_span(&out), &parsed), -EMSGSIZE);
    be32_put(room + 56, 50);
    be32_put(room + 64, 1);
    assert_int_equal(type6_parse(buffer_span(&out), &parsed), -EINVAL);
    room[1] = 5;
    assert_int_equal(type6_parse(buffer_span(&out), &parsed), -EBADMSG);
    for (size_t space = 0; space < out.len; space++) {
        struct buffer small = buffer_of(room, space);

        assert_int_equal(type6_format(&request, false, &small), -ENOSPC);
        assert_int_equal(small.len, 0);
    }
}

static void cprbx_errors(void **state)
{
    uint8_t room[CPRBX_BYTES + 10];
    const struct cprbx c = {.func_id = {'T', '2'}, .params = {zeros, 10}};
    struct buffer out = buffer_of(room, sizeof(room));
    struct cprbx parsed;

    assert_int_equal(cprbx_format(&c, &out), 0);
    assert_int_equal(cprbx_parse(buffer_span(&out), &parsed), 0);
    assert_int_equal(parsed.params.len, 10);
    assert_int_equal(cprbx_parse(span_of(room, CPRBX_BYTES - 1), &parsed), -EMSGSIZE);
    assert_int_equal(cprbx_parse(span_of(room, CPRBX_BYTES + 9), &parsed), -EMSGSIZE);
    room[2] = 1;
    assert_int_equal(cprbx_parse(buffer_span(&out), &parsed), -EINVAL);
    room[2] = 2;
    room[1]++;
    assert_int_equal(cprbx_parse(buffer_span(&out), &parsed), -EINVAL);
}

static int parse_params(const char *bytes, size_t len)
{
    struct cca_params p;

    return cca_params_parse(span_of(bytes, len), &p);
}

static void params_errors(void **state)
{
    assert_int_equal(parse_params("", 0), -EMSGSIZE);
    assert_int_equal(parse_params("PK\0", 3), -EMSGSIZE);
    assert_int_equal(parse_params("PK\0\1", 4), -EMSGSIZE);
    assert_int_equal(parse_params("PK\0\2", 4), 0);
    assert_int_equal(parse_params("PK\0\xa"
                                  "1234567",
                                  11),
                     -EMSGSIZE);
    assert_int_equal(parse_params("PK\0\xa"
                                  "12345678",
                                  12),
                     0);
    assert_int_equal(parse_params("PK\0\x9"
                                  "12345678",
                                  12),
                     -EINVAL);
    assert_true(cca_function_special((const uint8_t *)"US"));
    assert_true(cca_function_special((const uint8_t *)"AU"));
    assert_false(cca_function_special((const uint8_t *)"PK"));
}

/* A request that is truncated anywhere, or whose token is damaged, is refused. */
static void rsa_token_errors(void **state)
{
    const size_t params_at = TYPE6_HEADER_BYTES + CPRBX_BYTES;

    for (unsigned crt = 0; crt < 2; crt++) {
        uint8_t room[2048];
        struct buffer out = buffer_of(room, sizeof(room));
        struct rsa_request r = crt ? some_crt(100) : some_me(100), parsed;
        struct cca_params p;
        struct span params;
        size_t token;

        assert_int_equal(cca_rsa_format(&r, 1, &out), 0);
        params = span_of(room + params_at, out.len - params_at);
        assert_int_equal(cca_params_parse(params, &p), 0);
        assert_int_equal(cca_rsa_parse(&p, &parsed), 0);
        for (size_t len = p.rest.len; len-- > 0;) {
            struct cca_params cut = p;

            cut.rest.len = len;
            assert_int_equal(cca_rsa_parse(&cut, &parsed), -EMSGSIZE);
        }
        token = params_at + 12 + 2 + 100 + 6;
        assert_int_equal(room[token], 0x1e);
        room[token] = 0x1f;
        assert_int_equal(cca_rsa_parse(&p, &parsed), -EINVAL);
        room[token] = 0x1e;
        room[token + 8] = 0x77; /* the required section is missing */
        assert_int_equal(cca_rsa_parse(&p, &parsed), -EINVAL);
        be16_put(room + token + 10, 3); /* a section too short for its header */
        assert_int_equal(cca_rsa_parse(&p, &parsed), -EMSGSIZE);
        for (size_t space = 0; space < out.len; space++) {
            struct buffer small = buffer_of(room, space);

            assert_int_equal(cca_rsa_format(&r, 1, &small), -ENOSPC);
        }
    }
}

static void ep11_errors(void **state)
{
    uint8_t room[128];
    struct buffer out = buffer_of(room, sizeof(room));
    struct ep11_payload payload;
    struct ep11_cprb c;

    assert_int_equal(ep11_query_format(5, EP11_QUERY_DOMAIN, &out), 0);
    assert_int_equal(ep11_parse(buffer_span(&out), &c), 0);
    assert_int_equal(c.target, 5);
    assert_int_equal(ep11_payload_parse(c.payload, &payload), 0);
    assert_int_equal(payload.function, 38);
    assert_int_equal(payload.api, 1);
    assert_int_equal(payload.domain, 5);
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(ep11_parse(span_of(room, len), &c), -EMSGSIZE);
        if (len >= EP11_CPRB_BYTES)
            assert_int_equal(
                ep11_payload_parse(span_of(room + 32, len - EP11_CPRB_BYTES), &payload), -EMSGSIZE);
    }
    room[2] = 2;
    assert_int_equal(ep11_parse(buffer_span(&out), &c), -EINVAL);
    room[2] = 4;
    room[32] = 0x31;
    assert_int_equal(ep11_payload_parse(span_of(room + 32, out.len - 32), &payload), -EINVAL);
    room[32] = 0x30;
    room[33] = 0x83;
    assert_int_equal(ep11_payload_parse(span_of(room + 32, out.len - 32), &payload), -EINVAL);
}

/* zcrypt writes the queue's domain into the request in each of the three encodings of a length. */
static void ep11_domain(void **state)
{
    static const struct {
        uint8_t form[3];
        size_t len;
    } forms[] = {{{28}, 1}, {{0x81, 28}, 2}, {{0x82, 0, 28}, 3}};

    for (unsigned i = 0; i < 3; i++) {
        uint8_t control[128] = {0, 32, 4, 0, 0, 0, 'T', '4'};
        struct buffer out = buffer_of(control, sizeof(control));
        struct ep11_payload payload;

        out.len = EP11_CPRB_BYTES;
        buffer_add_u8(&out, 0x30);
        buffer_add(&out, forms[i].form, forms[i].len);
        for (unsigned k = 0; k < 4; k++)
            ep11_octets_add_u32(k, &out);
        buffer_extend(&out, 4);
        assert_int_equal(ep11_set_domain(control, out.len, 0xab), 0);
        assert_int_equal(be32_get(control + 12), 0xab);
        assert_int_equal(ep11_payload_parse(span_of(control + 32, out.len - 32), &payload), 0);
        assert_int_equal(payload.domain, 0xab);
        assert_int_equal(ep11_set_domain(control, 33 + forms[i].len + 11, 1), -EMSGSIZE);
        assert_int_equal(ep11_set_domain(control, 33, 1), -EMSGSIZE);
        control[33 + forms[i].len] = 0x05;
        assert_int_equal(ep11_set_domain(control, out.len, 1), -EINVAL);
        control[33] = 0x83;
        assert_int_equal(ep11_set_domain(control, out.len, 1), -EINVAL);
    }
}

static void facility_reply(void **state)
{
    struct cca_info info = {.serial = "99EA6076"}, back;
    uint8_t room[512];

    for (unsigned k = 0; k < CCA_MASTER_KEYS; k++)
        for (unsigned i = 0; i < CCA_REGISTERS; i++) {
            info.keys[k][i].state = i == CCA_NEW ? '3' : '2';
            memset(info.keys[k][i].pattern, (int)(16 * k + i + 1), k == CCA_ASYM ? 16 : 8);
        }
    for (unsigned apka = 0; apka < 2; apka++) {
        struct buffer out = buffer_of(room, sizeof(room));

        memset(&back, 0, sizeof(back));
        cca_query_format_reply(&info, apka, &out);
        /* The offset that the driver uses [messages-cca-facilities]: after service letters and two
         * length fields. */
        assert_memory_equal(room + 4, "99EA6076", 8);
        assert_int_equal(room[4 + 56], '3');
        assert_int_equal(room[4 + (apka ? 104 : 80) + 2 + 184], 16 + CCA_CURRENT + 1);
        for (size_t len = 0; len < out.len; len++)
            assert_int_equal(cca_query_parse_reply(span_of(room, len), apka, &back), -EMSGSIZE);
        assert_int_equal(cca_query_parse_reply(buffer_span(&out), apka, &back), 0);
        assert_memory_equal(&back.keys, &info.keys, (apka ? 3 : 2) * sizeof(info.keys[0]));
    }
    /* Patterns of registers without a key are not in the reply. */
    info.keys[CCA_AES][CCA_NEW].state = '1';
    struct buffer out = buffer_of(room, sizeof(room));
    cca_query_format_reply(&info, true, &out);
    assert_int_equal(cca_query_parse_reply(buffer_span(&out), true, &back), 0);
    assert_int_equal(back.keys[CCA_AES][CCA_NEW].pattern[0], 0);
    assert_int_equal(back.keys[CCA_AES][CCA_OLD].pattern[0], 16 + CCA_OLD + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_form),        cmocka_unit_test(type50_sizes),
        cmocka_unit_test(type50_errors),    cmocka_unit_test(type6_errors),
        cmocka_unit_test(cprbx_errors),     cmocka_unit_test(params_errors),
        cmocka_unit_test(rsa_token_errors), cmocka_unit_test(ep11_errors),
        cmocka_unit_test(ep11_domain),      cmocka_unit_test(facility_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
