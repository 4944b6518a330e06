/* SPDX-License-Identifier: MIT */
#include "daemon/firmware.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "crypto/memory.h"
#include "daemon/confine.h"

#define KEPT 256u /* queues whose keys are cached: 100 KiB */

struct kept {
    bool used;
    ap_qn qn;
    uint64_t generation;
    struct crypto_domain domain;
};

struct firmware {
    uint8_t secret[CRYPTO_KEY_BYTES];
    struct kept kept[KEPT];
};

struct firmware *firmware_new(const uint8_t secret[CRYPTO_KEY_BYTES], bool *locked)
{
    struct firmware *f = confine_keys_new(sizeof(*f), locked);

    crypto_memory_cleansed();
    if (!f)
        return NULL;
    memcpy(f->secret, secret, sizeof(f->secret));
    return f;
}

void firmware_free(struct firmware *f)
{
    confine_keys_free(f, sizeof(*f));
}

/* The default operational modes of an EP11 card, as bits [bus-op-modes]: FIPS2009, BSI2009,
 * FIPS2011, BSI2011, BSICC2017. */
#define OP_MODES (1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 6)

/*
 * EP11 API ordinal and firmware version by hardware type, CEX4 to CEX8. Versions: for CEX4 to CEX7
 * the highest that openCryptoki's EP11 token checks for (4.20, 6.3, 6.15, 7.21), for CEX8 that of
 * its ep11.h (XCP_API_VERSION_Z16, 8.39). Ordinals: 2 as in the ep11.h of firmware 5.7; 4, the
 * first with protected keys, which CEX7 introduced with firmware 7.15; 6 as in the ep11.h of 8.39.
 */
static const struct {
    uint32_t api;
    uint8_t major, minor;
} ep11_levels[] = {{2, 4, 20}, {2, 6, 3}, {2, 6, 15}, {4, 7, 21}, {6, 8, 39}};

#define TYPE_CEX4 10u

void firmware_card(const struct adapter_config *config, unsigned domains, struct crypto_card *out)
{
    static const enum crypto_mode modes[] = {[AP_MODE_ACCEL] = CRYPTO_ACCELERATOR,
                                             [AP_MODE_CCA] = CRYPTO_CCA,
                                             [AP_MODE_EP11] = CRYPTO_EP11};
    unsigned level = config->type < TYPE_CEX4 ? 0 : config->type - TYPE_CEX4;

    if (level >= sizeof(ep11_levels) / sizeof(ep11_levels[0]))
        level = sizeof(ep11_levels) / sizeof(ep11_levels[0]) - 1;
    *out = (struct crypto_card){.mode = modes[config->mode],
                                .me4k = config->functions & AP_FN_MEX4K,
                                .crt4k = config->functions & AP_FN_CRT4K,
                                .api_ordinal = ep11_levels[level].api,
                                .domains = domains,
                                .firmware_major = ep11_levels[level].major,
                                .firmware_minor = ep11_levels[level].minor,
                                .op_modes = OP_MODES};
    memcpy(out->serial, config->serial, strnlen(config->serial, sizeof(out->serial)));
}

const struct crypto_domain *firmware_domain(struct firmware *f, ap_qn qn, uint64_t generation)
{
    struct kept *k = &f->kept[(AP_QN_APID(qn) * 31u + AP_QN_APQI(qn)) % KEPT];

    if (k->used && k->qn == qn && k->generation == generation)
        return &k->domain;
    crypto_domain_done(&k->domain);
    *k = (struct kept){.used = true, .qn = qn, .generation = generation};
    /* Fails only when out of memory, which aborts everywhere. */
    if (crypto_domain_derive(f->secret, qn, generation, &k->domain) < 0)
        abort();
    return &k->domain;
}
