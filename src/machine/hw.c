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

bool ap_command_permitted(const struct ap_nqap *request, const struct mask256 *adm)
{
    struct type6 message;
    struct ep11_cprb ep11;
    struct cprbx cca;

    if (type6_parse((struct span){request->data, request->len}, &message) < 0)
        return true;
    if (message.agent[0] == 'X' && ep11_parse(message.control, &ep11) == 0)
        return !(ep11.flags & EP11_FLAG_ADMIN) ||
               (ep11.target < AP_IDS && mask256_test(adm, ep11.target));
    if (cprbx_parse(message.control, &cca) < 0 || memcmp(cca.func_id, "T2", 2) == 0)
        return true;
    return cca.domain < AP_IDS && mask256_test(adm, cca.domain);
}
