/* SPDX-License-Identifier: MIT */
#include "base/lookout.h"

void lookout_arrived(struct lookout *l, uint64_t now)
{
    l->row = now - l->answered < LOOKOUT_SOON_NS ? l->row + 1 : 0;
}

void lookout_served(struct lookout *l, uint64_t now)
{
    l->answered = now;
}

static unsigned patience(const struct lookout *l)
{
    return l->patience ? l->patience : LOOKOUT_PATIENCE_MIN;
}

bool lookout_pays(const struct lookout *l)
{
    return l->row >= (l->trust ? 1 : patience(l));
}

static void one_came(struct lookout *l)
{
    l->trust = l->trust < LOOKOUT_TRUST_MAX ? l->trust + 1 : LOOKOUT_TRUST_MAX;
    l->patience = LOOKOUT_PATIENCE_MIN;
}

static void nothing_came(struct lookout *l)
{
    if (!l->trust)
        l->patience = patience(l) < LOOKOUT_PATIENCE_MAX ? 2 * patience(l) : LOOKOUT_PATIENCE_MAX;
    l->trust = l->trust > LOOKOUT_LOSS ? l->trust - LOOKOUT_LOSS : 0;
    l->row = 0;
}

void lookout_tell(struct lookout *l, bool came)
{
    if (came)
        one_came(l);
    else
        nothing_came(l);
}
