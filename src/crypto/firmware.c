/* SPDX-License-Identifier: MIT */
#include "crypto/firmware.h"

#include <errno.h>

#include "crypto/services.h"
#include "message/type50.h"

static uint8_t accelerator_parse_code(int error)
{
    switch (error) {
    case -EBADMSG:
        return ERROR_MESSAGE_TYPE;
    case -ENOTSUP:
        return ERROR_KEY_TYPE;
    default:
        return ERROR_LENGTH_88;
    }
}

static uint8_t accelerator_compute_code(int error)
{
    switch (error) {
    case 0:
        return 0;
    case -EDOM:
        return ERROR_EVEN_MODULUS;
    case -ENOMEM:
        return ERROR_MACHINE_FAILURE;
    default:
        return ERROR_OPERAND_INVALID;
    }
}

uint8_t accelerator_answer(const struct crypto_card *card, struct span request,
                           struct modexp_kept *kept, struct buffer *reply)
{
    struct type50_request r;
    int error = type50_parse(request, &r);
    uint8_t *result;

    if (error)
        return accelerator_parse_code(error);
    if (r.size > 256 && !(r.rsa.crt ? card->crt4k : card->me4k))
        return ERROR_OPERAND_SIZE;
    if (type80_format(r.size, reply, &result) < 0)
        return ERROR_TRUNCATED;
    return accelerator_compute_code(modexp_compute(&r.rsa, kept, result, r.size));
}

static uint8_t coprocessor_answer(const struct crypto_card *card,
                                  const struct crypto_domain *domain, struct span request,
                                  struct modexp_kept *kept, struct buffer *reply)
{
    struct type6 type6;

    switch (type6_parse(request, &type6)) {
    case 0:
        break;
    case -EBADMSG:
        return ERROR_MESSAGE_TYPE;
    case -EMSGSIZE:
        return ERROR_LENGTH;
    default:
        return ERROR_MALFORMED;
    }
    if (card->mode == CRYPTO_CCA)
        return cca_answer(card, domain, &type6, kept, reply);
    return ep11_answer(card, domain, &type6, reply);
}

int crypto_answer(const struct crypto_card *card, const struct crypto_domain *domain,
                  struct span request, struct modexp_kept *kept, struct buffer *reply)
{
    bool accelerator = card->mode == CRYPTO_ACCELERATOR;
    size_t start = reply->len;
    uint8_t code;

    if (accelerator)
        code = accelerator_answer(card, request, kept, reply);
    else
        code = coprocessor_answer(card, domain, request, kept, reply);
    if (!code)
        return 0;
    reply->len = start;
    reply->overflow = false;
    return error_reply_format(accelerator ? REPLY_TYPE88 : REPLY_TYPE82, code, reply);
}
