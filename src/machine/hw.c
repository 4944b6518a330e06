/* SPDX-License-Identifier: MIT */
#include "machine/hw.h"

#include <string.h>

#include "message/cprbx.h"
#include "message/ep11.h"

bool ap_qci_equal(const struct ap_qci *a, const struct ap_qci *b)
{
    return a->flags == b->flags && a->max_adapter == b->max_adapter &&
           a->max_domain == b->max_domain && mask256_equal(&a->apm, &b->apm) &&
           mask256_equal(&a->aqm, &b->aqm) && mask256_equal(&a->adm, &b->adm);
}

struct ap_admin ap_admin_of(const uint8_t *data, size_t len)
{
    struct type6 message;
    struct ep11_cprb ep11;
    struct cprbx cca;

    if (type6_parse((struct span){data, len}, &message) < 0)
        return (struct ap_admin){0};
    if (message.agent[0] == 'X' && ep11_parse(message.control, &ep11) == 0)
        return (struct ap_admin){ep11.flags & EP11_FLAG_ADMIN, ep11.target};
    if (cprbx_parse(message.control, &cca) < 0)
        return (struct ap_admin){0};
    return (struct ap_admin){memcmp(cca.func_id, "T2", 2) != 0, cca.domain};
}
