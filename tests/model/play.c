/* SPDX-License-Identifier: MIT */
#include "play.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One step for both, and what it answers. */

bool play_fail(struct play *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!p->why.len)
        text_addv(&p->why, format, args);
    va_end(args);
    return false;
}

void play_init(struct play *p, uint64_t seed, enum abi_profile abi)
{
    struct machine_config config;

    memset(p, 0, sizeof *p);
    world_start(seed, abi, &config);
    p->fx.want_uevents = seed & 1;
    p->core = core_new(&config, &p->fx);
    model_init(&p->model, &config);
    p->before = p->model;
    if (compare_all(p))
        rules_check(p);
}

void play_done(struct play *p)
{
    core_free(p->core);
    effects_done(&p->fx);
    text_done(&p->reply.why);
    text_done(&p->why);
}

/* The tree's number in the core; a guest that is not there has none. */
static unsigned tree_number(const struct play *p, const struct step *s)
{
    const struct m_guest *g = s->tree ? &p->before.guest[s->tree - 1] : NULL;

    if (!g)
        return CORE_HOST_TREE;
    return g->exists ? g->number + 1 : 1000;
}

static int execute(struct play *p, const struct command *cmd)
{
    effects_clear(&p->fx);
    text_done(&p->reply.why);
    core_execute(p->core, cmd, &p->fx, &p->reply);
    return p->reply.result;
}

static int execute_store(struct play *p, const struct step *s)
{
    char path[160];
    struct command cmd = {
        .kind = CMD_STORE,
        .now = p->now,
        .token = s->token,
        .store = {.tree = tree_number(p, s), .data = s->data, .len = strlen(s->data)}};
    const struct sysfs_tree *tree = core_tree(p->core, cmd.store.tree);
    int rc;

    step_path(s, path, sizeof path);
    rc = tree ? sysfs_resolve(tree, path, &cmd.store.ino) : 0;
    p->file_found = tree && rc == 0;
    return rc < 0 ? rc : execute(p, &cmd);
}

static int execute_guest(struct play *p, const struct step *s)
{
    static const enum command_kind kinds[] = {CMD_GUEST_START, CMD_GUEST_STOP, CMD_GUEST_ATTACH,
                                              CMD_GUEST_DETACH, CMD_GUEST_MIGRATE};
    struct command cmd = {.kind = kinds[s->kind - STEP_START],
                          .now = p->now,
                          .guest = {.name = world_guest(s->object),
                                    .features = s->value & 0xf,
                                    .has_mdev = s->on || s->kind == STEP_ATTACH}};
    char uuid[UUID_TEXT];

    world_uuid((unsigned)(s->value >> 4), uuid);
    uuid_parse(uuid, UUID_TEXT - 1, &cmd.guest.mdev);
    return execute(p, &cmd);
}

static int execute_machine(struct play *p, const struct step *s)
{
    static struct machine_config config;
    struct command cmd = {.kind = CMD_MACHINE_SET, .now = p->now, .machine = {.config = &config}};

    world_machine(s->value, p->model.apxa, &config, &cmd.machine.checkstopped);
    return execute(p, &cmd);
}

static int execute_step(struct play *p, const struct step *s)
{
    struct command cmd = {.now = p->now, .token = s->token};
    int guest = s->object < GUESTS ? (int)s->object : -1;

    switch (s->kind) {
    case STEP_STORE:
        return execute_store(p, s);
    case STEP_LOOK:
        if (guest < 0 || !p->before.guest[guest].exists)
            return -ENOENT;
        return core_tree(p->core, p->before.guest[guest].number + 1) ? 0 : -ENOENT;
    case STEP_MACHINE:
        return execute_machine(p, s);
    case STEP_SE_ADAPTER:
    case STEP_CHECKSTOP:
        cmd.kind = s->kind == STEP_CHECKSTOP ? CMD_CHECKSTOP : CMD_SE_ADAPTER;
        cmd.adapter.apid = (unsigned)s->value;
        cmd.adapter.on = s->on;
        cmd.adapter.force = s->force;
        break;
    case STEP_SE_LPAR:
        cmd.kind = CMD_SE_LPAR;
        cmd.lpar.what = (enum lpar_kind)s->object;
        cmd.lpar.id = (unsigned)s->value;
        cmd.lpar.add = s->on;
        cmd.lpar.force = s->force;
        break;
    case STEP_SCLP:
        cmd.kind = CMD_SCLP;
        cmd.sclp.word = (uint32_t)s->value;
        break;
    case STEP_TIMER:
        cmd.kind = CMD_TIMER;
        cmd.timer.id = (uint32_t)s->value;
        break;
    case STEP_CANCEL:
        cmd.kind = CMD_CANCEL;
        break;
    default:
        return execute_guest(p, s);
    }
    return execute(p, &cmd);
}

/* Commands say why they refuse; attributes can only log it. */
static bool check_reply(struct play *p, const struct step *s, int result)
{
    if (result != p->wanted.result)
        return play_fail(p, "result %d (%s), the model says %d (%s)", result, strerror(-result),
                         p->wanted.result, strerror(-p->wanted.result));
    if ((s->kind == STEP_SCLP || (s->kind == STEP_START && result == 0)) &&
        p->reply.value != p->wanted.value)
        return play_fail(p, "value 0x%" PRIx64 ", the model says 0x%" PRIx64,
                         (uint64_t)p->reply.value, (uint64_t)p->wanted.value);
    if (result == 0 && p->reply.why.len)
        return play_fail(p, "a reason for a success: %s", p->reply.why.data);
    if (result < 0 && !p->reply.why.len && s->kind != STEP_STORE && s->kind != STEP_LOOK &&
        s->kind != STEP_TIMER)
        return play_fail(p, "refused without a reason");
    return true;
}

/* Whether the log tells of the refusal and names its errno. */
static bool refusal_logged(const struct play *p, int err)
{
    char wanted[48];

    snprintf(wanted, sizeof wanted, " refused (%s): ", strerrorname_np(-err));
    for (size_t i = 0; i < p->fx.count; i++)
        if (p->fx.v[i].kind == EFFECT_LOG && strstr(effect_text(&p->fx, &p->fx.v[i]), wanted))
            return true;
    return false;
}

/* A refusal leaves nothing but words. */
static bool check_refusal(struct play *p, const struct step *s, uint64_t digest)
{
    p->refusals++;
    /* What cannot be opened for writing is the file system's affair. */
    if (s->kind == STEP_STORE && p->file_found && p->wanted.result != -EACCES &&
        !refusal_logged(p, p->wanted.result))
        return play_fail(p, "the log does not say what was refused");
    for (size_t i = 0; i < p->fx.count; i++)
        if (p->fx.v[i].kind != EFFECT_LOG)
            return play_fail(p, "a refused step had effect %d", p->fx.v[i].kind);
    if (digest != dump_digest(p))
        return play_fail(p, "a refused step changed what can be seen");
    return true;
}

/* A guest's bus scans when the machine changed, and else whenever the core says that its APCB did.
 */
static void guests_scan(struct play *p)
{
    for (int i = 0; p->model.changed && i < GUESTS; i++)
        model_guest_scans(&p->model, i, 1);
    for (size_t i = 0; !p->model.changed && i < p->fx.count; i++) {
        int guest = model_guest_by_number(&p->model, p->fx.v[i].id);

        if (p->fx.v[i].kind == EFFECT_APCB && guest >= 0)
            model_guest_scans(&p->model, guest, 1);
    }
}

bool play_step(struct play *p, const struct step *s)
{
    uint64_t digest = 0;
    bool refused;
    int result;

    p->before = p->model;
    p->wanted = model_step(&p->model, s);
    refused = p->wanted.result < 0 && p->wanted.result != -EINPROGRESS;
    p->now += 1000000;
    p->steps++;
    effects_clear(&p->fx);
    text_done(&p->reply.why);
    p->reply = (struct reply){0};
    core_tree(p->core, tree_number(p, s)); /* to look is no part of the refusal */
    if (refused)
        digest = dump_digest(p);
    result = execute_step(p, s);
    guests_scan(p);
    dump_effects(p);
    return check_reply(p, s, result) && rules_effects(p) && compare_all(p) && rules_check(p) &&
           (!refused || check_refusal(p, s, digest));
}
