/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bus/internal.h"

/* The queues that have an override, in their order, which is that of an export. */

unsigned override_first(const struct ap_bus *b, ap_qn qn)
{
    unsigned low = 0, high = b->override_count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (b->overrides[middle].qn < qn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const char *override_get(const struct ap_bus *b, ap_qn qn)
{
    unsigned i = override_first(b, qn);

    return i < b->override_count && b->overrides[i].qn == qn ? b->overrides[i].name : NULL;
}

void override_set(struct ap_bus *b, ap_qn qn, const char *name, size_t len, struct effects *fx)
{
    unsigned i = override_first(b, qn), after = b->override_count - i;

    effects_changed(fx, STATE_OVERRIDE, qn);
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    if (after && b->overrides[i].qn == qn) {
        free(b->overrides[i].name);
        memmove(&b->overrides[i], &b->overrides[i + 1], --after * sizeof *b->overrides);
        b->override_count--;
    }
    if (!len)
        return;
    b->overrides = xrealloc(b->overrides, (b->override_count + 1) * sizeof *b->overrides);
    memmove(&b->overrides[i + 1], &b->overrides[i], after * sizeof *b->overrides);
    b->override_count++;
    b->overrides[i].qn = qn;
    b->overrides[i].name = xcalloc(len + 1, 1);
    memcpy(b->overrides[i].name, name, len);
}
