/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

static void mask_uevent(struct ap_bus *b, bool adapters, struct effects *fx)
{
    char text[MASK256_TEXT], variable[MASK256_TEXT + 16];

    mask256_format(adapters ? &b->masks.apmask : &b->masks.aqmask, text);
    /* In the kernel the value of this variable ends with a newline, and scripts match it. */
    snprintf(variable, sizeof variable, "%s=%s\n", adapters ? "APMASK" : "AQMASK", text);
    bus_uevent(b, variable, NULL, fx);
}

static bool in_use(const struct ap_bus *b, const struct ap_masks *wanted, struct text *why)
{
    for (unsigned d = 0; d < b->driver_count; d++) {
        const struct ap_driver_slot *slot = &b->drivers[d];

        if (slot->driver->ops->in_use &&
            slot->driver->ops->in_use(slot->ctx, &b->masks, wanted, why))
            return true;
    }
    return false;
}

/* [masks-write]: parse, ask the drivers whether an APQN to be taken away is in use, then commit and
 * rebind before the write returns. */
int mask_store(struct ap_bus *b, bool adapters, const char *data, size_t len, struct effects *fx)
{
    const char *name = adapters ? "apmask" : "aqmask";
    struct ap_masks wanted = b->masks;
    struct mask256 *mask = adapters ? &wanted.apmask : &wanted.aqmask;
    struct mask256 old = *mask;
    text_auto why = {0};

    if (b->override_count)
        return effects_refuse(
            fx, -EINVAL, name,
            "a queue has a driver_override; masks and overrides exclude each other");
    if (mask256_parse(data, len, mask) < 0)
        return effects_refuse(fx, -EINVAL, name, MASK256_WANTED);
    if (mask256_equal(&old, mask))
        return 0;
    if (in_use(b, &wanted, &why))
        return effects_refuse(fx, -b->abi->veto_errno, name, "%s", why.data);
    b->masks = wanted;
    effects_changed(fx, STATE_BUS, 0);
    bus_rebind(b, fx);
    mask_uevent(b, adapters, fx);
    return 0;
}
