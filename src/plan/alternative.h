/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_ALTERNATIVE_H
#define APUS_PLAN_ALTERNATIVE_H

#include "plan/refusal.h"

/* Private to what looks for alternatives to a refusal: making their steps, and trying them. */

#define MATRIX "devices/vfio_ap/matrix/"

/* One of the two halves of an APQN. */
enum half { ADAPTER, DOMAIN };

/* By enum half: the path of apmask and aqmask below /sys. */
extern const char *const alternative_masks[];

struct search {
    const struct core *now;
    struct plan_step write; /* or the command, that was refused */
    struct alternatives *out;
};

const struct mask256 *alternative_half(const struct mdev_info *m, enum half h);
struct plan_step *alternative_step(struct alternative *a, enum plan_kind kind);
__attribute__((format(printf, 3, 4))) void
alternative_write(struct alternative *a, const char *value, const char *path, ...);

/* "card05" */
bool alternative_card(const char *name, unsigned *apid);

/* Each id is given away by the device. */
void alternative_unassign(struct alternative *a, const struct mdev_info *m, enum half h,
                          const struct mask256 *ids);

/* The ids are cleared in the mask, or set. */
void alternative_mask(struct alternative *a, const struct core *now, enum half h,
                      const struct mask256 *ids, bool set);

void alternative_done(struct alternative *a);
bool alternative_accepted(const struct alternative *a, struct core *core);

/* Takes over the alternative: it is kept if all of its steps are accepted, and if then holds of
 * what they make; then may be NULL. */
typedef bool alternative_goal(const struct search *s, const struct core *after);
void alternative_try(struct search *s, struct alternative *a, alternative_goal *then);

/* The same; what comes before the write itself is in the alternative already. */
void alternative_try_write(struct search *s, struct alternative *a);

/* Whether the write or the command itself would be accepted now. */
bool alternatives_accepted(const struct search *s);

/* malformed.c: a clause that says what is wrong with the value by itself; nothing if it is well
 * formed, or the attribute is not known here. */
void alternatives_malformed(const struct core *now, const char *path, const char *text,
                            struct text *out);

/* Each looks for alternatives to what it knows: config.c, create.c, bind.c. */
void alternatives_to_config(struct search *s, const struct mdev_info *m);
void alternatives_to_create(struct search *s);
void alternatives_to_bind(struct search *s, bool bind);

#endif
