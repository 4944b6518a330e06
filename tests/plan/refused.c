/* SPDX-License-Identifier: MIT */
/* Alternatives to random writes that are refused. */
#include "small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/refusal.h"
#include "store/setup.h"

static bool steps_work(const struct core *from, const struct plan_step *steps, size_t count)
{
    struct core *core = setup_copy(from);
    bool good = count > 0;

    for (size_t i = 0; i < count && good; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        good = plan_step_execute(core, &steps[i], &fx, &why) == 0;
        effects_done(&fx);
    }
    core_free(core);
    return good;
}

static void random_write(struct plan_step *s)
{
    static const char *const files[] = {"assign_adapter", "assign_domain"};
    unsigned half = below(2), id = below(half ? APQIS : APIDS);

    *s = (struct plan_step){.kind = PLAN_WRITE};
    if (below(3) == 0) {
        snprintf(s->path, sizeof s->path,
                 "devices/vfio_ap/matrix/69aa1a8a-0000-4000-8000-00000000000%u/ap_config",
                 below(MDEVS));
        snprintf(s->value, sizeof s->value, "0x%x0,0x%x0,0x0", below(8) << 1, below(4) << 2);
    } else if (below(2)) {
        snprintf(s->path, sizeof s->path, "bus/ap/%s", half ? "aqmask" : "apmask");
        snprintf(s->value, sizeof s->value, "+%u,+%u", id, below(APQIS));
    } else {
        snprintf(s->path, sizeof s->path,
                 "devices/vfio_ap/matrix/69aa1a8a-0000-4000-8000-00000000000%u/%s", below(MDEVS),
                 files[half]);
        snprintf(s->value, sizeof s->value, "%u", id);
    }
}

/* Whatever is refused has alternatives, unless its device does not exist; each is accepted. */
int refused_write(const struct small *small, bool upstream)
{
    struct core *core = small_core(small, upstream);
    struct alternatives found;
    struct plan_step s;
    sysfs_ino ino;
    int rc;

    random_write(&s);
    alternatives_find(core, s.path, s.value, &found);
    rc = found.accepted != steps_work(core, &s, 1);
    if (!found.accepted && core_find_file(core, s.path, &ino) == 0) {
        counts.refused_writes++;
        rc |= !found.count;
    }
    for (size_t i = 0; i < found.count; i++)
        rc |= !steps_work(core, found.v[i].steps, found.v[i].count) ||
              (i && found.v[i].moved < found.v[i - 1].moved);
    if (rc)
        fprintf(stderr, "echo %s > %s: %zu alternatives\n", s.value, s.path, found.count);
    alternatives_done(&found);
    core_free(core);
    return rc;
}
