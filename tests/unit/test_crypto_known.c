/* SPDX-License-Identifier: MIT */
/*
 * Known answers from public documents, through whole adapters: RSA with 2048 bits from RFC 7515,
 * appendix A.2, and AES-256 in CBC mode from NIST SP 800-38A, F.2.5.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/firmware.h"
#include "message/type50.h"

#define DOMAIN 4u
#define BYTES  256u

/* RFC 7515: modulus, exponents and CRT parts of the key; SHA-256 of the signed data; the signature.
 */
static const char hex_n[] =
    "a1f8160ae2e3c9b465ce8d2d656263362b927dbe29e1f02477fc1625cc90a136e38bd93497c5b6ea63dd7711"
    "e67c7429f956b0fb8a8f089adc4b69893cc1333f53edd019b87784252fec914fe4857769594bea4280d32c0f"
    "55bf62944f130396bc6e9bdf6ebdd2bda3678eeca0c668f701b38dbffb38c8342ce2fe6d27fade4a5a487497"
    "9dd4b9cf9adec4c75b05852c2c0f5ef8a5c1750392f944e8ed64c110c6b647609aa4783aeb9c6c9ad7553130"
    "50638b83665c6f6f7a82a396702a1f641b82d3ebf2392219491fb686872c5716f50af8358d9a8b9d17c34072"
    "8f7f87d89a18d8fcab67ad84590c2ecf759339363c07034d6f606f9e21e05456cae5e9a1";
static const char hex_d[] =
    "12ae71a469cd0a2bc37e526c4500571f1d61751d64e949707b62590f9d0ba57c963c401e3fcf2f2cd3bdec88"
    "e503bfc6439b0b28c82f7d3797671f5213eed8c15a25d8d5cea0025ee3ab2e8b7f79216fc63bea562753b406"
    "44c6a15127d9b2954540a0bbe1a30556982d4e9fde5f6425f14d4b713441b55dc73b9b4aedcc92ace3927e37"
    "f57d0cfd5e7581fa512c8f4961a9eb0b80f8a80746728a55ff46471f3425063b9d53642f5ede1e84d613081a"
    "fa5c22d051285bd63b943b565d898a05685413e53c3c6c6525ff1fe34e3ddc70f0d56450fda48ba12e104e9d"
    "eb9fb81881e1c4bdf25d9247f450c865927968e77334f4414f75a750e139546e3a8a739d";
static const char hex_p[] =
    "e01cc410eb48a6655d54464d0aa4bb6da0b872b774a6a9d11ffe480778f0ddb7311a7e902ef9c4b5f7547626"
    "2ba8176cb35979f014372a1a2829e4136bd001d07c3f3f2e4f25d4c934f63c7109fba2e67628a0dc9a73c605"
    "8e6def22dcd50950e711ddc16d5586f2a7fa75ea8494c18083e0b65742f8a0d5e73fb2d970f01947";
static const char hex_q[] =
    "b903c47e0995b632f4532cb1f3c199145d5f3ae9c7dfeedc7a92a6b47e29c61b42a07aa95a64fc600999c5a7"
    "b01e01c08cb62ca756527bbcc56078fb0baba5ed38de2d07990ff6300faeadeb6c039a97bf1e507e4e7040fa"
    "78db8257c8b112ed5e59c3cd092fe5d4e5b51275d41281072a5e785ebaf3dae3709203133f5159d7";
static const char hex_dp[] =
    "07029f577024ab9fcc1590c56429d6fb0ce5f820a8f375a866f9cb430093783bfcbb396e4529e6ef52374022"
    "dd86ba84d9ef58931beec5d05fa53fcf23b633f8538a9eed51e87b097830a39f5d92937be6024b55db36f7e0"
    "c09dcbb72975387f615afbb6cb36bbabe7793c2b03ceab66dbb931baf50b55ec9af9311d001d628d";
static const char hex_dq[] =
    "87ff7afa62b547fee0961b2e9bcd5d6718d39d8ca73db6691f38998de78771762c5da68cc243a5383b166bb2"
    "3dc570e84706ca801ef5f6bae6236a0aafa3770e8f54d1a8da1c5f8d2899f082331ddb0f5c8f3dfffa4c8d97"
    "102bdafe082a118da6633988880e4b55599ce67af26ebfa5b2c14a9de7b2c4dd96abddd2d2224c75";
static const char hex_u[] =
    "21877b0c73a1ad6bf19303d0b11336b4e82b8db72b7efb50262a5df8395cc7256eb8cf6c40b7608d5936a32d"
    "ba174126a527062ead8ca305fb7e177f409437c9dcb9718ed82018bcef0f7720a2c475f9db26da0e3cb516d0"
    "84eb25178e828d5cabd49bb3161ac0181fa7f821e80e7ad37936f9943054ad092921ee2c592e4375";
static const char hex_digest[] = "c88a34847b4ffb12a9326e540f144b3dcc4d5515f18701e7d6e0ee7866c9c705";
static const char hex_signature[] =
    "702e218943e88fd11eb5d82dbf7845f34106ae1b81fff7731116add1717d83656d420afd3c96eedd73a2663e"
    "5166687b000b87226e0187ed1073f945e582adfcef16d85a798ee8c66ddb3db8975b17d09402beedd5d9d970"
    "07108db28160d5f8040ca7445762b81fbe7ff9d92e0ae76f24f25b33bbe6f44ae61eb1040acb20044d3ef912"
    "8ed40130795bd4bd3b41eecad066ab651981fde48df77f372dc38b9fafdd3befb18b5da3cc3c2eb02f9e3a41"
    "d612caad15911273a05f23b9e838faaf849d698429ef5a1e88798236c3d40e604522a544c8f27a7a2db80663"
    "d16cf7caea56de405cb2215a45b2c25566b55ac1a748a070dfc8a32a469543d019eefb47";

/* Precedes a SHA-256 digest in a PKCS #1 v1.5 signature (RFC 8017, 9.2). */
#define HEX_DIGEST_INFO "3031300d060960864801650304020105000420"

/* SP 800-38A: the key, the IV, two plaintext blocks, and the ciphertext. */
#define HEX_AES_KEY "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define HEX_VECTOR  "000102030405060708090a0b0c0d0e0f"
#define HEX_PLAIN   "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
#define HEX_CIPHER  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
/* SHA-256 of a byte 01 and the key. */
#define HEX_PATTERN "668790b0af859621a7a3db6001808614914e14e699e980930e7c4b4a54e1a4c6"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
        char *end;

        out[i] = (uint8_t)strtoul(byte, &end, 16);
        assert_true(*end == 0);
    }
    return len;
}

static struct span answer(const struct crypto_card *card, const struct crypto_domain *d,
                          const struct buffer *request)
{
    static uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof(room));

    assert_int_equal(crypto_answer(card, d, buffer_span(request), NULL, &reply), 0);
    return buffer_span(&reply);
}

/* The operation on an accelerator and on a coprocessor. */
static void assert_result(const struct rsa_request *r, const uint8_t want[BYTES])
{
    const struct crypto_card accelerator = {.mode = CRYPTO_ACCELERATOR}, cca = {.mode = CRYPTO_CCA};
    const struct crypto_domain d = {.index = DOMAIN};
    uint8_t message[2 * CRYPTO_REPLY_BYTES];
    struct buffer request = buffer_of(message, sizeof(message));
    struct outcome o;

    assert_int_equal(type50_format(r, &request), 0);
    o = type50_judge(answer(&accelerator, &d, &request), BYTES);
    assert_int_equal(o.error, 0);
    assert_memory_equal(o.data.data, want, BYTES);
    request.len = 0;
    assert_int_equal(cca_rsa_format(r, DOMAIN, &request), 0);
    o = type86_judge_rsa(answer(&cca, &d, &request), BYTES);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.data.len, BYTES);
    assert_memory_equal(o.data.data, want, BYTES);
}

static void rfc_7515(void **state)
{
    uint8_t n[BYTES], d[BYTES], e[BYTES] = {0}, signature[BYTES], padded[BYTES] = {0, 1};
    uint8_t p[BYTES / 2 + 8] = {0}, q[BYTES / 2], dp[BYTES / 2 + 8] = {0}, dq[BYTES / 2];
    uint8_t u[BYTES / 2 + 8] = {0};
    struct rsa_request r;

    from_hex(hex_n, n);
    from_hex(hex_d, d);
    from_hex("010001", e + BYTES - 3);
    from_hex(hex_signature, signature);
    from_hex(hex_p, p + 8);
    from_hex(hex_q, q);
    from_hex(hex_dp, dp + 8);
    from_hex(hex_dq, dq);
    from_hex(hex_u, u + 8);
    memset(padded + 2, 0xff, BYTES - 54);
    from_hex(HEX_DIGEST_INFO, padded + BYTES - 51);
    from_hex(hex_digest, padded + BYTES - 32);

    r = rsa_request_crt(BYTES, padded, p, q, dp, dq, u);
    assert_result(&r, signature);
    r = rsa_request_me(BYTES, padded, d, n);
    assert_result(&r, signature);
    r = rsa_request_me(BYTES, signature, e, n);
    assert_result(&r, padded);
}

/* A domain with the master key and wrapping keys of the example. */
static struct crypto_domain domain_of_example(void)
{
    struct crypto_domain d = {.index = DOMAIN, .wrapping_valid = true};

    d.cca[CCA_AES][CCA_CURRENT].state = '2';
    from_hex(HEX_AES_KEY, d.cca[CCA_AES][CCA_CURRENT].key);
    from_hex(HEX_AES_KEY, d.protected_key);
    from_hex(HEX_AES_KEY, d.wrapping);
    return d;
}

/* Returns the parameters of the reply to a control block. */
static struct span ask_control(const struct crypto_domain *d, const struct buffer *control)
{
    const struct crypto_card cca = {.mode = CRYPTO_CCA};
    uint8_t message[2 * CRYPTO_REPLY_BYTES];
    struct buffer request = buffer_of(message, sizeof(message));
    struct type6 type6 = {.agent = {'C', 'A'},
                          .reply_control = CCA_QUERY_CONTROL_BYTES,
                          .control = buffer_span(control)};
    struct outcome o;
    struct cprbx c;

    memcpy(type6.function, control->data + CPRBX_BYTES, 2);
    assert_int_equal(type6_format(&type6, true, &request), 0);
    o = type86_judge_cprb(answer(&cca, d, &request), CPRBX_VERSION);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.rtcode, 0);
    assert_int_equal(cprbx_parse_reply(o.control, &c), 0);
    return c.params;
}

/* Keys are wrapped with a zero IV, so the IV of the example is applied to the first block. */
static void sp_800_38a(void **state)
{
    const struct crypto_domain d = domain_of_example();
    uint8_t room[1024], token[CCA_TOKEN_BYTES], vector[16], key[32], cipher[32], pattern[32];
    struct buffer control = buffer_of(room, sizeof(room));
    struct cca_protected_key protected;
    struct span found;

    from_hex(HEX_PLAIN, key);
    from_hex(HEX_CIPHER, cipher);
    from_hex(HEX_PATTERN, pattern);
    from_hex(HEX_VECTOR, vector);
    for (unsigned i = 0; i < 16; i++)
        key[i] ^= vector[i];
    assert_int_equal(cca_import_format(DOMAIN, span_of(key, 32), &control), 0);
    assert_int_equal(cca_key_parse_reply(ask_control(&d, &control), &found), 0);
    assert_int_equal(found.len, CCA_TOKEN_BYTES);
    memcpy(token, found.data, CCA_TOKEN_BYTES);
    assert_memory_equal(token + 8, pattern, 8);
    assert_memory_equal(token + 16, cipher, 32);

    control.len = 0;
    assert_int_equal(cca_unwrap_format(DOMAIN, span_of(token, CCA_TOKEN_BYTES), &control), 0);
    assert_int_equal(cca_unwrap_parse_reply(ask_control(&d, &control), &protected), 0);
    assert_true(span_equal(protected.key, cipher, 32));
    assert_true(span_equal(protected.pattern, pattern, 32));
}

static void verification_patterns(void **state)
{
    const struct crypto_card ep11 = {.mode = CRYPTO_EP11, .api_ordinal = 4};
    const struct crypto_domain d = domain_of_example();
    uint8_t room[CCA_QUERY_CONTROL_BYTES], message[1024], pattern[32];
    struct buffer control = buffer_of(room, sizeof(room));
    struct buffer request = buffer_of(message, sizeof(message));
    struct ep11_domain_info info;
    struct ep11_payload payload;
    struct ep11_cprb block;
    struct span params, data;
    uint32_t value;

    from_hex(HEX_PATTERN, pattern);
    assert_int_equal(cca_query_format(DOMAIN, "STATICSA", 0, &control), 0);
    params = ask_control(&d, &control);
    /* [messages-cca-facilities]: letters, then 10 fields of 8 behind a length, then the patterns
     * behind another. */
    assert_memory_equal(params.data, "FQ\0\x52", 4);
    assert_int_equal(params.data[4 + 64], '2');
    assert_memory_equal(params.data + 4 + 80 + 2 + 184, pattern, 8);

    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_DOMAIN, &control), 0);
    assert_int_equal(ep11_format_message(buffer_span(&control), 1024, &request), 0);
    data = type86_judge_cprb(answer(&ep11, &d, &request), EP11_VERSION).control;
    assert_int_equal(ep11_parse(data, &block), 0);
    assert_int_equal(ep11_reply_parse(block.payload, &payload, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(ep11_octets_parse(&payload.rest, &data), 0);
    assert_int_equal(ep11_domain_parse(data, &info), 0);
    assert_memory_equal(info.current, pattern, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_7515),
        cmocka_unit_test(sp_800_38a),
        cmocka_unit_test(verification_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
