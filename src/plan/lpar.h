/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_LPAR_H
#define APUS_PLAN_LPAR_H

#include "plan/trial.h"

/* What only the Support Element can change: the LPAR's adapters, usage and control domains. */

#define LPAR_REMOVE 1u
#define LPAR_ADD    2u

/* Whether the LPARs have the same; else what, which may be NULL, gets the first difference. */
bool plan_lpar_same(const struct core *a, const struct core *b, struct text *what);

/* -EINVAL with why: hardware or kernel differ, which no step changes. */
int plan_lpar_check(const struct trial *t);

/* The adapters of the LPAR that are configured on. */
struct mask256 plan_lpar_online(const struct core *core);

/*
 * A task at the Support Element that makes the LPAR as it is at the end, as far as directions says.
 * All of its adapters are configured off for it [se-adapters-off], and afterwards on again if they
 * are at the end. No step if there is nothing to do.
 */
int plan_lpar_task(struct trial *t, unsigned directions);

/* "adapter 7, domains 4,0x47": what is not empty, by enum lpar_kind. */
void plan_lpar_list(const struct mask256 ids[3], struct text *out);

/* The adapters are configured on or off there. No step if there are none. */
int plan_lpar_adapters(struct trial *t, const struct mask256 *adapters, bool on);

#endif
