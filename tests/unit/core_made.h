/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_CORE_MADE_H
#define APUS_TESTS_CORE_MADE_H

#include "core/core.h"
#include "store/setup.h"
#include "unit.h"

/* The core of a machine file that is right. */
static inline struct core *make(const char *text)
{
    struct effects fx = {0};
    setup_auto setup = {0};
    struct core *core = NULL;
    text_auto why = {0};

    setup_parse("t.ini", text, strlen(text), &setup, &why);
    assert_null(why.data);
    setup_core(&setup, &core, &fx, &why);
    assert_null(why.data);
    effects_done(&fx);
    return core;
}

#endif
