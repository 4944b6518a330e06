/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "plan/plan.h"

/* A search has no other way to hear of its end: it is deep in functions that know cores alone. */
static _Thread_local const atomic_bool *abandoned;

void plan_abandon_on(const atomic_bool *flag)
{
    abandoned = flag;
}

bool plan_is_abandoned(void)
{
    return abandoned && atomic_load_explicit(abandoned, memory_order_relaxed);
}
