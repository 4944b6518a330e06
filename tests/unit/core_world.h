/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_CORE_WORLD_H
#define APUS_TESTS_CORE_WORLD_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "unit.h"

/* A core with the machine of the worked example, and helpers of one line each. */

#define UUID1  "69aa1a8a-0000-4000-8000-000000000001"
#define UUID2  "69aa1a8a-0000-4000-8000-000000000002"
#define MATRIX "devices/vfio_ap/matrix/"
#define CREATE MATRIX "mdev_supported_types/vfio_ap-passthrough/create"

struct world {
    struct core *core;
    struct effects fx;
    struct reply reply;
    struct text got; /* for tests to collect text in */
    /* The time of commands, and the times for which the timers of alarms and of silent queues are
     * set; 0: not set. */
    uint64_t now, alarm, patience;
};

static inline int set_up_with(void **state, enum abi_profile abi)
{
    struct world *w = calloc(1, sizeof *w);
    struct machine_config config;

    machine_config_default(&config);
    config.abi = abi;
    w->fx.want_uevents = true;
    w->core = core_new(&config, &w->fx);
    *state = w;
    return 0;
}

static inline int set_up(void **state)
{
    return set_up_with(state, ABI_PROPOSAL);
}

static inline int set_up_upstream(void **state)
{
    return set_up_with(state, ABI_UPSTREAM);
}

static inline int tear_down(void **state)
{
    struct world *w = *state;

    core_free(w->core);
    effects_done(&w->fx);
    reply_done(&w->reply);
    text_done(&w->got);
    free(w);
    return 0;
}

static inline int run(struct world *w, struct command *cmd)
{
    effects_clear(&w->fx);
    reply_done(&w->reply);
    cmd->now = w->now;
    core_execute(w->core, cmd, &w->fx, &w->reply);
    for (size_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.v[i];

        if (e->kind == EFFECT_TIMER && e->id == TIMER_ALARM)
            w->alarm = (uint64_t)e->value;
        else if (e->kind == EFFECT_TIMER && e->id == TIMER_REQUESTS)
            w->patience = (uint64_t)e->value;
    }
    return w->reply.result;
}

static inline int put_token(struct world *w, const char *path, const char *value, uint64_t token)
{
    struct command cmd = {
        .kind = CMD_STORE, .token = token, .store = {.data = value, .len = strlen(value)}};
    int rc = sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &cmd.store.ino);

    return rc < 0 ? rc : run(w, &cmd);
}

static inline int put(struct world *w, const char *path, const char *value)
{
    return put_token(w, path, value, 0);
}

/* Builds the tree, as mounting a guest's tree does. */
static inline void look(struct world *w, unsigned number)
{
    struct command cmd = {.kind = CMD_GUEST_LOOK, .look = {.guest = number}};

    assert_int_equal(run(w, &cmd), 0);
}

/* Reads into a buffer of the world, which the next call overwrites. */
static inline const char *get_in(struct world *w, unsigned tree, const char *path)
{
    static struct text out;
    sysfs_ino ino;
    int rc;

    text_clear(&out);
    text_adds(&out, "");
    rc = sysfs_resolve(core_tree(w->core, tree), path, &ino);
    if (rc == 0)
        rc = sysfs_show(core_tree(w->core, tree), ino, &out);
    if (rc < 0)
        text_addf(&out, "error %d", -rc);
    return out.data;
}

static inline const char *get(struct world *w, const char *path)
{
    return get_in(w, CORE_HOST_TREE, path);
}

static inline int guest(struct world *w, enum command_kind kind, const char *name, const char *uuid)
{
    struct command cmd = {
        .kind = kind,
        .guest = {.name = name, .features = GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI}};

    if (uuid) {
        cmd.guest.has_mdev = true;
        assert_int_equal(uuid_parse(uuid, strlen(uuid), &cmd.guest.mdev), 0);
    }
    return run(w, &cmd);
}

static inline int se_adapter(struct world *w, unsigned apid, bool on)
{
    struct command cmd = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = apid, .on = on}};

    return run(w, &cmd);
}

static inline int se_lpar(struct world *w, enum lpar_kind what, unsigned id, bool add)
{
    struct command cmd = {.kind = CMD_SE_LPAR, .lpar = {.what = what, .id = id, .add = add}};

    return run(w, &cmd);
}

/* Two devices of the worked example, on the queues reserved for vfio_ap. */
static inline void secure_and_create(struct world *w)
{
    assert_int_equal(put(w, "bus/ap/aqmask", "-4,-0x47,-0xab,-0xff\n"), 0);
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(put(w, CREATE, UUID2), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "5\n"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "6\n"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "4\n"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "0xab\n"), 0);
}

#define TEST(name)          cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_UPSTREAM(name) cmocka_unit_test_setup_teardown(name, set_up_upstream, tear_down)

#endif
