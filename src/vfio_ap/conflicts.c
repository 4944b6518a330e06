/* SPDX-License-Identifier: MIT */
#include "vfio_ap/internal.h"

/* The APQNs for which a write is refused, collected for one message: their count, and the owners of
 * the first few. */

void conflicts_add(struct conflicts *c, unsigned apid, const struct mask256 *row)
{
    mask256_for_each (apqi, row) {
        if (c->count < CONFLICTS_NAMED)
            c->first[c->count] = AP_QN(apid, apqi);
        c->count++;
    }
}

static void add_owner(const struct vfio_ap *v, ap_qn qn, struct text *out)
{
    const struct mdev *m = mdev_owner(v, qn);
    char uuid[UUID_TEXT];

    if (!m) {
        text_adds(out, "reserved for the zcrypt drivers");
        return;
    }
    uuid_format(&m->uuid, uuid);
    text_addf(out, "assigned to %s", uuid);
    if (m->guest)
        text_addf(out, " (guest %s)", m->guest->name);
}

/* The owner is named once for consecutive APQNs. */
void conflicts_describe(const struct vfio_ap *v, const struct conflicts *c, struct text *out)
{
    unsigned named = c->count < CONFLICTS_NAMED ? c->count : CONFLICTS_NAMED;
    const char *verb = "is";

    text_adds(out, c->count == 1 ? "APQN" : "APQNs");
    for (unsigned i = 0; i < named; i++) {
        bool shared = i + 1 < named && mdev_owner(v, c->first[i]) == mdev_owner(v, c->first[i + 1]);
        char queue[AP_QN_TEXT];

        ap_qn_format(c->first[i], queue);
        text_addf(out, " %s", queue);
        if (!shared) {
            text_addf(out, " %s ", verb);
            add_owner(v, c->first[i], out);
        }
        if (i + 1 < named)
            text_adds(out, ",");
        verb = shared ? "are" : "is";
    }
    if (c->count > named)
        text_addf(out, ", and %u more", c->count - named);
}
