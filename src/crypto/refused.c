/* SPDX-License-Identifier: MIT */
#include "crypto/refused.h"

#include <ctype.h>
#include <stdio.h>

#define EP11_NOT_SUPPORTED 0x54u

/* Bytes of a request that should be letters. */
static void add_letters(const uint8_t bytes[2], char out[8])
{
    if (isalnum(bytes[0]) && isalnum(bytes[1]))
        snprintf(out, 8, "%c%c", bytes[0], bytes[1]);
    else
        snprintf(out, 8, "0x%02x%02x", bytes[0], bytes[1]);
}

static bool refused_cca(struct span control, char name[CRYPTO_SERVICE_TEXT])
{
    char service[8], kind[8];
    struct cprbx block;

    if (cprbx_parse_reply(control, &block) < 0 || block.params.len < 2 || block.rtcode != 8 ||
        block.rscode != 90)
        return false;
    add_letters(block.params.data, service);
    add_letters(block.func_id, kind);
    snprintf(name, CRYPTO_SERVICE_TEXT, "CCA service %s (%s)", service, kind);
    return true;
}

/* Names of functions that the kernel sends (zcrypt_ep11misc.c). */
static const char *ep11_name(uint16_t function)
{
    switch (function) {
    case 19:
        return "EncryptSingle";
    case 20:
        return "DecryptSingle";
    case 21:
        return "GenerateKey";
    case 33:
        return "WrapKey";
    case 34:
        return "UnwrapKey";
    default:
        return NULL;
    }
}

static bool refused_ep11(struct span control, char name[CRYPTO_SERVICE_TEXT])
{
    struct ep11_payload payload;
    struct ep11_cprb block;
    const char *known;
    uint32_t result;

    if (ep11_parse(control, &block) < 0 || ep11_reply_parse(block.payload, &payload, &result) < 0 ||
        result != EP11_NOT_SUPPORTED)
        return false;
    known = ep11_name(payload.function);
    if (block.flags & EP11_FLAG_ADMIN)
        snprintf(name, CRYPTO_SERVICE_TEXT, "EP11 administration");
    else if (known)
        snprintf(name, CRYPTO_SERVICE_TEXT, "EP11 function %s", known);
    else
        snprintf(name, CRYPTO_SERVICE_TEXT, "EP11 function %u", payload.function);
    return true;
}

bool crypto_refused(enum crypto_mode mode, struct span reply, char name[CRYPTO_SERVICE_TEXT])
{
    struct outcome o;

    if (mode == CRYPTO_ACCELERATOR)
        return false;
    o = type86_judge_cprb(reply, mode == CRYPTO_CCA ? CPRBX_VERSION : EP11_VERSION);
    if (o.error)
        return false;
    return (mode == CRYPTO_CCA ? refused_cca : refused_ep11)(o.control, name);
}
