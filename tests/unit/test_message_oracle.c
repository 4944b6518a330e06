/* SPDX-License-Identifier: MIT */
/*
 * The requests that the real zcrypt driver put into queues (tests/data/oracle/requests.txt): our
 * codecs build the same bytes from the same operands, and read the operands back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/cca_info.h"
#include "message/type50.h"

#include "oracle.h"

#define DOMAIN 4u

static void assert_message(unsigned index, const struct buffer *built)
{
    assert_int_equal(messages[index].len, messages[index].stated);
    assert_int_equal(built->len, messages[index].len);
    assert_memory_equal(built->data, messages[index].data, built->len);
}

/* A parsed number has the same value whatever its width. */
static void assert_number(struct span is, struct span want)
{
    while (is.len && !is.data[0])
        is.data++, is.len--;
    while (want.len && !want.data[0])
        want.data++, want.len--;
    assert_int_equal(is.len, want.len);
    assert_memory_equal(is.data, want.data, is.len);
}

static void assert_same_request(const struct rsa_request *is, const struct rsa_request *want)
{
    assert_int_equal(is->crt, want->crt);
    assert_number(is->input, want->input);
    if (is->crt) {
        assert_number(is->key.p, want->key.p);
        assert_number(is->key.q, want->key.q);
        assert_number(is->key.dp, want->key.dp);
        assert_number(is->key.dq, want->key.dq);
        assert_number(is->key.u, want->key.u);
    } else {
        assert_number(is->me.exponent, want->me.exponent);
        assert_number(is->me.modulus, want->me.modulus);
    }
}

static void type50_requests(void **state)
{
    static const struct {
        size_t n;
        bool crt;
    } cases[] = {{64, false}, {256, false}, {512, false}, {128, true}, {256, true}, {512, true}};

    for (unsigned i = 0; i < 6; i++) {
        uint8_t room[TYPE50_BYTES_MAX];
        struct buffer built = buffer_of(room, sizeof(room));
        struct operands operands;
        struct rsa_request want = make(&operands, cases[i].n, cases[i].crt);
        struct type50_request parsed;

        assert_int_equal(type50_format(&want, &built), 0);
        assert_message(i, &built);
        assert_int_equal(type50_parse(buffer_span(&built), &parsed), 0);
        assert_int_equal(parsed.size, cases[i].n < 128 ? 128 : cases[i].n);
        assert_same_request(&parsed.rsa, &want);
    }
}

static struct cca_params parse_cca(unsigned index, struct type6 *type6, struct cprbx *cprbx)
{
    struct span message = span_of(messages[index].data, messages[index].len);
    struct cca_params params;

    assert_int_equal(type6_parse(message, type6), 0);
    assert_memory_equal(type6->agent, "CA", 2);
    assert_int_equal(cprbx_parse(type6->control, cprbx), 0);
    assert_memory_equal(cprbx->func_id, "T2", 2);
    assert_int_equal(cprbx->domain, DOMAIN);
    assert_int_equal(cca_params_parse(cprbx->params, &params), 0);
    assert_memory_equal(params.function, type6->function, 2);
    return params;
}

static void random_request(void **state)
{
    uint8_t room[512];
    struct buffer built = buffer_of(room, sizeof(room));
    struct cca_params params;
    struct cprbx cprbx;
    struct type6 type6;

    assert_int_equal(cca_random_format(DOMAIN, 4096, &built), 0);
    assert_message(6, &built);
    params = parse_cca(6, &type6, &cprbx);
    assert_true(cca_function_is(params.function, "RL"));
    assert_true(cca_rules_have(params.rules, "RANDOM"));
    assert_int_equal(type6.reply_data, 4096);
    assert_int_equal(cprbx.reply_data_bytes, 4096);
}

static void cca_rsa_requests(void **state)
{
    static const struct {
        size_t n;
        bool crt;
    } cases[] = {{128, false}, {256, false}, {256, true}};

    for (unsigned i = 0; i < 3; i++) {
        uint8_t room[4096];
        struct buffer built = buffer_of(room, sizeof(room));
        struct operands operands;
        struct rsa_request want = make(&operands, cases[i].n, cases[i].crt), parsed;
        struct cca_params params;
        struct cprbx cprbx;
        struct type6 type6;

        assert_int_equal(cca_rsa_format(&want, DOMAIN, &built), 0);
        assert_message(7 + i, &built);
        params = parse_cca(7 + i, &type6, &cprbx);
        assert_int_equal(cca_rsa_parse(&params, &parsed), 0);
        assert_same_request(&parsed, &want);
    }
}

static void facility_query(void **state)
{
    uint8_t control_room[CCA_QUERY_CONTROL_BYTES], room[4608];
    struct buffer control = buffer_of(control_room, sizeof(control_room));
    struct buffer built = buffer_of(room, sizeof(room));
    struct type6 type6 = {.agent = {'C', 'A'}, .function = {'F', 'Q'}};
    struct cca_params params;
    struct cprbx cprbx;

    /* The address was arbitrary memory of the driver. */
    assert_int_equal(cca_query_format(DOMAIN, "STATICSA", 0x1c24000, &control), 0);
    type6.control = buffer_span(&control);
    type6.reply_control = CCA_QUERY_CONTROL_BYTES;
    assert_int_equal(type6_format(&type6, true, &built), 0);
    assert_message(10, &built);
    params = parse_cca(10, &type6, &cprbx);
    assert_true(cca_function_is(params.function, "FQ"));
    assert_true(cca_rules_have(params.rules, "STATICSA"));
    assert_false(cca_rules_have(params.rules, "STATICSB"));
}

static void every_message_is_covered(void **state)
{
    assert_int_equal(message_count, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_covered), cmocka_unit_test(type50_requests),
        cmocka_unit_test(random_request),           cmocka_unit_test(cca_rsa_requests),
        cmocka_unit_test(facility_query),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}
