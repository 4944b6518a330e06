/* SPDX-License-Identifier: MIT */
/* The default machine, and the hardware of its LPAR. */
#ifndef APUS_TESTS_MACHINE_WORLD_H
#define APUS_TESTS_MACHINE_WORLD_H

#include <stdlib.h>

#include "machine/machine.h"

#include "unit.h"

#define QN AP_QN(6, 0x47) /* an accelerator of the default machine */

struct world {
    struct machine *machine;
    struct ap_hw hw;
    struct text data;
};

static inline int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct machine_config config;

    machine_config_default(&config);
    w->machine = machine_new(&config);
    w->hw = machine_hw(w->machine);
    *state = w;
    return 0;
}

static inline int tear_down(void **state)
{
    struct world *w = *state;

    machine_free(w->machine);
    text_done(&w->data);
    free(w);
    return 0;
}

#endif
