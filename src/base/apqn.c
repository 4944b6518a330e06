/* SPDX-License-Identifier: MIT */
#include "base/apqn.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

void ap_qn_format(ap_qn qn, char out[AP_QN_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned apid = AP_QN_APID(qn), apqi = AP_QN_APQI(qn);

    out[0] = digits[apid >> 4];
    out[1] = digits[apid & 15];
    memcpy(out + 2, ".00", 3);
    out[5] = digits[apqi >> 4];
    out[6] = digits[apqi & 15];
    out[7] = '\0';
}

int ap_qn_parse(const char *text, ap_qn *out)
{
    unsigned value = 0;

    if (strlen(text) != AP_QN_TEXT - 1 || memcmp(text + 2, ".00", 3) != 0)
        return -EINVAL;
    for (int i = 0; i < AP_QN_TEXT - 1; i++) {
        if (i >= 2 && i <= 4)
            continue;
        if (number_hex_lower(text[i]) < 0)
            return -EINVAL;
        value = value << 4 | (unsigned)number_hex_lower(text[i]);
    }
    *out = (ap_qn)value;
    return 0;
}
