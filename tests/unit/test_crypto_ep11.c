/* SPDX-License-Identifier: MIT */
/* EP11 coprocessors answer, and what an adapter does not have, or has no room for. */
#include "firmware_world.h"

static struct span ask_ep11(struct buffer *control, uint32_t reply_bytes)
{
    static uint8_t message[512];
    struct buffer out = buffer_of(message, sizeof(message));

    assert_int_equal(ep11_format_message(buffer_span(control), reply_bytes, &out), 0);
    return ask(&ep11, buffer_span(&out));
}

/* Offsets of the last bytes of fields in the control block of a query. */
#define API_AT      (EP11_CPRB_BYTES + 4 + 3)
#define FUNCTION_AT (EP11_CPRB_BYTES + 4 + 5)
#define SUBTYPE_AT  (EP11_CPRB_BYTES + 4 + 6 + 6 + 6 + 5)

/* The return value of an EP11 function, and its data. */
static uint32_t ep11_result(struct span reply, struct span *data)
{
    struct outcome o = type86_judge_cprb(reply, EP11_VERSION);
    struct ep11_payload payload;
    struct ep11_cprb c;
    uint32_t value;

    assert_int_equal(o.error, 0);
    assert_int_equal(ep11_parse(o.control, &c), 0);
    assert_int_equal(c.return_code, 0);
    assert_int_equal(ep11_reply_parse(c.payload, &payload, &value), 0);
    assert_int_equal(payload.domain, DOMAIN);
    if (!value)
        assert_int_equal(ep11_octets_parse(&payload.rest, data), 0);
    return value;
}

/* What an adapter does not have has a name. */
static void services_that_are_missing(void **state)
{
    struct small s = small_make();
    uint8_t message[1024], room[128];
    struct span request = small_cca(&s, message, sizeof(message));
    struct buffer control = buffer_of(room, sizeof(room));

    assert_refused(&cca, ask(&cca, request), NULL);
    memcpy(message + PARAMS_AT, "SY", 2);
    assert_refused(&cca, ask(&cca, request), "CCA service SY (T2)");
    message[TYPE6_HEADER_BYTES + 7] = '3';
    assert_refused(&cca, ask(&cca, request), "CCA service SY (T3)");
    memcpy(message + PARAMS_AT, "\n\x7f", 2);
    assert_refused(&cca, ask(&cca, request), "CCA service 0x0a7f (T3)");
    message[0] = 1;
    assert_refused(&cca, ask(&cca, request), NULL); /* an error reply */
    assert_refused(&accelerator, ask(&accelerator, small_type50(&s)), NULL);
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_API, &control), 0);
    assert_refused(&ep11, ask_ep11(&control, 1024), NULL);
    room[FUNCTION_AT] = 21;
    assert_refused(&ep11, ask_ep11(&control, 1024), "EP11 function GenerateKey");
    room[FUNCTION_AT] = 17;
    assert_refused(&ep11, ask_ep11(&control, 1024), "EP11 function 17");
    room[5] = EP11_FLAG_ADMIN;
    assert_refused(&ep11, ask_ep11(&control, 1024), "EP11 administration");
}

static void ep11_queries(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    struct ep11_module_info module;
    struct ep11_domain_info info;
    uint8_t room[128], pattern[32];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_MODULE, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(data.len, EP11_MODULE_BYTES);
    assert_int_equal(ep11_module_parse(data, &module), 0);
    assert_int_equal(module.api_ordinal, 4);
    assert_int_equal(module.firmware_major, 7);
    assert_int_equal(module.firmware_minor, 24);
    assert_memory_equal(module.serial, "9998877766655544", 16);
    assert_int_equal(module.op_modes, 5);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_DOMAIN, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(ep11_domain_parse(data, &info), 0);
    assert_int_equal(info.index, DOMAIN);
    assert_int_equal(info.flags, EP11_DOMAIN_READY | EP11_DOMAIN_CURRENT);
    assert_int_equal(crypto_wrapping_pattern(&d, pattern), 0);
    assert_memory_equal(info.current, pattern, 32);
    assert_error(ask_ep11(&control, 64), 0x82, 0xa0);
}

static void ep11_random_and_refusals(void **state)
{
    uint8_t room[128];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_random_format(DOMAIN, 100, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(data.len, 100);
    assert_memory_not_equal(data.data, (uint8_t[16]){0}, 16);
    control.len = 0;
    assert_int_equal(ep11_random_format(DOMAIN, 5000, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 8192), &data), 0x21);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, (enum ep11_query)99, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 7);
    room[FUNCTION_AT] = 21; /* a function that the adapter does not support */
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x54);
    room[FUNCTION_AT] = 44; /* the highest function number */
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x54);
    room[32] = 0x31;
    assert_error(ask_ep11(&control, 1024), 0x82, 0x40);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN + 1, EP11_QUERY_MODULE, &control), 0);
    assert_error(ask_ep11(&control, 1024), 0x82, 0x8a);
}

/* Functions newer than the adapter, or none, give another error than unsupported ones. */
static void ep11_other_levels(void **state)
{
    uint8_t room[128];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_DOMAIN, &control), 0);
    room[API_AT] = 4;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    room[API_AT] = 5;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
    room[API_AT] = 0;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
    room[API_AT] = 1;
    room[FUNCTION_AT] = 45;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
    room[FUNCTION_AT] = 0;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
}

static void ep11_other_queries(void **state)
{
    uint8_t room[128];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_API, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(data.len, 8);
    assert_memory_equal(data.data, ((uint8_t[8]){[3] = 4}), 8);
    room[SUBTYPE_AT] = 1;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 7);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_MODULE, &control), 0);
    room[SUBTYPE_AT] = 4;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 7);
}

/* With decreasing room there is still one whole reply, down to the size of an error reply. */
static void room_gets_short(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    struct small s = small_make();
    uint8_t message[1024], room[512];
    struct span requests[2] = {small_type50(&s), small_cca(&s, message, sizeof(message))};
    const struct crypto_card *cards[2] = {&accelerator, &cca};

    for (unsigned i = 0; i < 2; i++) {
        for (size_t space = 0; space <= sizeof(room); space++) {
            struct buffer reply = buffer_of(room, space);
            int r = crypto_answer(cards[i], &d, requests[i], NULL, &reply);

            assert_int_equal(r, space < ERROR_REPLY_BYTES ? -ENOSPC : 0);
            if (!r && room[1] != (i ? 0x86 : 0x80))
                assert_error(buffer_span(&reply), i ? 0x82 : 0x88, 0xa0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_that_are_missing), cmocka_unit_test(ep11_queries),
        cmocka_unit_test(ep11_random_and_refusals),  cmocka_unit_test(ep11_other_levels),
        cmocka_unit_test(ep11_other_queries),        cmocka_unit_test(room_gets_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
