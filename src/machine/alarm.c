/* SPDX-License-Identifier: MIT */
#include "machine/alarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void make_room(struct alarms *a)
{
    if (a->end < a->capacity)
        return;
    if (a->first && a->first >= a->capacity / 2) {
        memmove(a->v, a->v + a->first, (a->end - a->first) * sizeof *a->v);
        a->end -= a->first;
        a->first = 0;
        return;
    }
    a->capacity = a->capacity ? a->capacity * 2 : 16;
    a->v = xrealloc(a->v, a->capacity * sizeof *a->v);
}

/* A new alarm is usually the latest, so search from the end. */
void alarms_add(struct alarms *a, uint64_t at, ap_qn qn)
{
    size_t i;

    make_room(a);
    for (i = a->end++; i > a->first && a->v[i - 1].at > at; i--)
        a->v[i] = a->v[i - 1];
    a->v[i] = (struct alarm){at, qn};
}

uint64_t alarms_next(const struct alarms *a)
{
    return a->first < a->end ? a->v[a->first].at : 0;
}

bool alarms_take(struct alarms *a, uint64_t now, ap_qn *qn)
{
    if (a->first == a->end || a->v[a->first].at > now)
        return false;
    *qn = a->v[a->first++].qn;
    if (a->first == a->end)
        a->first = a->end = 0;
    return true;
}

void alarms_done(struct alarms *a)
{
    free(a->v);
    *a = (struct alarms){0};
}
