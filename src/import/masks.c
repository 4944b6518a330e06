/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/list.h"
#include "import/hardware.h"

/*
 * apmask and aqmask. Where a source does not show them, the drivers of the queues do: both bits of
 * a queue of zcrypt are set, and one bit of a queue of vfio_ap is not.
 */

/* Adapters and domains that have a queue with each driver. */
struct drivers {
    struct mask256 rows[3][AP_IDS];
    struct mask256 adapters[3], domains[3];
};

static void collect(const struct known *k, struct drivers *out)
{
    for (unsigned qn = 0; qn < AP_APQNS; qn++) {
        const struct fact *f = &k->queues[qn][QUEUE_DRIVER];

        if (!f->from)
            continue;
        mask256_set(&out->rows[f->value][AP_QN_APID(qn)], AP_QN_APQI(qn));
        mask256_set(&out->adapters[f->value], AP_QN_APID(qn));
        mask256_set(&out->domains[f->value], AP_QN_APQI(qn));
    }
}

static bool explains(const struct drivers *d, const struct mask256 *apmask,
                     const struct mask256 *aqmask)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct mask256 row = mask256_test(apmask, apid) ? *aqmask : (struct mask256){0};

        if (!mask256_subset(&d->rows[DRIVER_ZCRYPT][apid], &row) ||
            mask256_intersects(&d->rows[DRIVER_VFIO_AP][apid], &row))
            return false;
    }
    return true;
}

/* The bits of what only vfio_ap has are cleared. */
static struct mask256 cleared(const struct mask256 *by)
{
    return mask256_andnot(mask256_ones(), mask256_andnot(by[DRIVER_VFIO_AP], by[DRIVER_ZCRYPT]));
}

static void describe(const char *name, const char *of, const struct mask256 *m, struct text *out)
{
    struct mask256 none = mask256_andnot(mask256_ones(), *m);

    text_addf(out, "%s is all%s%s", name, mask256_empty(&none) ? " ones" : " but ",
              mask256_empty(&none) ? "" : of);
    ap_list_format(&none, out);
}

static void note(struct known *k, const struct mask256 *apmask, const struct mask256 *aqmask,
                 bool good)
{
    text_auto masks = {0};

    describe("apmask", "adapters ", apmask, &masks);
    text_adds(&masks, ", ");
    describe("aqmask", "domains ", aqmask, &masks);
    known_note(k, NOTE_ASSUMED, 0, "%s, since %s", masks.data,
               good
                   ? "that goes with the drivers of the queues"
                   : "no masks go with the drivers of the queues, of which some are bound by hand");
}

void masks_find(struct known *k, const struct machine_config *machine, struct mask256 *apmask,
                struct mask256 *aqmask)
{
    const struct known_mask_fact *ap = &k->masks[MASK_AP], *aq = &k->masks[MASK_AQ];
    struct drivers *d = xcalloc(1, sizeof *d);
    bool good = false;

    collect(k, d);
    *apmask = ap->value;
    *aqmask = aq->value;
    /* As at the start, or with those bits cleared: first of domains, then of adapters, then both.
     */
    for (unsigned i = 0; !(ap->from && aq->from) && !good && i < 4; i++) {
        *apmask = ap->from ? ap->value : i & 2 ? cleared(d->adapters) : machine->apmask;
        *aqmask = aq->from ? aq->value : i & 1 ? cleared(d->domains) : machine->aqmask;
        good = explains(d, apmask, aqmask);
    }
    if (!ap->from || !aq->from)
        note(k, apmask, aqmask, good);
    free(d);
}
