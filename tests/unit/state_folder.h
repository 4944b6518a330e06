/* SPDX-License-Identifier: MIT */
#ifndef STATE_FOLDER_H
#define STATE_FOLDER_H

#include <stdio.h>
#include <unistd.h>

#include "core_world.h"
#include "store/state.h"

/* A state directory of each test, beside its core. */

static char folder[] = "/tmp/apus-state-XXXXXX";

static void in_folder(const char *name, char out[64])
{
    snprintf(out, 64, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/apus-state-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return set_up(state);
}

static void empty_folder(void)
{
    static const char *const names[] = {"state", "state.new", "secret"};

    for (unsigned i = 0; i < 3; i++) {
        char path[64];

        in_folder(names[i], path);
        unlink(path);
    }
}

static int remove_folder(void **state)
{
    empty_folder();
    rmdir(folder);
    return tear_down(state);
}

static struct state *opened(bool is_new)
{
    text_auto why = {0};
    struct state *s;
    bool found;

    if (state_open(folder, true, &s, &found, &why) < 0)
        fail_msg("%s", why.data);
    assert_int_equal(found, is_new);
    return s;
}

#endif
