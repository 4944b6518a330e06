/* SPDX-License-Identifier: MIT */
#include "play.h"

#include "keep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Executes one step in core and model, and compares the replies. */

bool play_fail(struct play *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!p->why.len)
        text_addv(&p->why, format, args);
    va_end(args);
    return false;
}

void play_init(struct play *p, uint64_t seed, enum abi_profile abi, bool faulty)
{
    struct machine_config config;

    memset(p, 0, sizeof *p);
    world_start(seed, abi, &config);
    p->fx.want_uevents = seed & 1;
    p->core = core_new(&config, &p->fx);
    p->fx.want_changes = true;
    keep_follow(p);
    model_init(&p->model, &config);
    p->before = p->model;
    requests_init(p);
    p->requests.faulty = faulty;
    if (compare_all(p))
        rules_check(p);
}

void play_done(struct play *p)
{
    core_free(p->core);
    effects_done(&p->fx);
    reply_done(&p->reply);
    text_done(&p->why);
    text_done(&p->file);
}

/* The tree's number in the core. For a guest that does not exist, one that is not in use. */
static unsigned tree_number(const struct play *p, const struct step *s)
{
    const struct m_guest *g = s->tree ? &p->before.guest[s->tree - 1] : NULL;

    if (!g)
        return CORE_HOST_TREE;
    return g->exists ? g->number + 1 : 1000;
}

int play_execute(struct play *p, const struct command *cmd)
{
    effects_clear(&p->fx);
    reply_done(&p->reply);
    core_execute(p->core, cmd, &p->fx, &p->reply);
    keep_follow(p);
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
    return rc < 0 ? rc : play_execute(p, &cmd);
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
    return play_execute(p, &cmd);
}

static int execute_machine(struct play *p, const struct step *s)
{
    static struct machine_config config;
    struct command cmd = {.kind = CMD_MACHINE_SET, .now = p->now, .machine = {.config = &config}};

    world_machine(s->value, p->model.apxa, &config, &cmd.machine.checkstopped);
    return play_execute(p, &cmd);
}

static int execute_connect(struct play *p, const struct step *s)
{
    const struct m_guest *g = s->object < GUESTS ? &p->before.guest[s->object] : NULL;
    struct command cmd = {.kind = s->kind == STEP_CONNECT ? CMD_CPU_CONNECT : CMD_CPU_RESET,
                          .now = p->now,
                          .cpu = {.guest = CORE_LPAR, .on = s->on}};
    int rc;

    if (s->object != LPAR)
        cmd.cpu.guest = g && g->exists ? g->number : 1000;
    rc = play_execute(p, &cmd);
    if (rc == 0 && s->kind == STEP_CONNECT && s->object == LPAR)
        p->lpar_connected = s->on;
    return rc;
}

static int execute_fault(struct play *p, const struct step *s)
{
    const struct fault_list *l = core_faults(p->core);
    struct command cmd = {
        .kind = CMD_FAULT_ADD, .now = p->now, .fault = {.text = s->data, .len = strlen(s->data)}};
    int rc;

    if (s->kind == STEP_UNFAULT) {
        cmd.kind = CMD_FAULT_REMOVE;
        cmd.fault.number = l->count ? l->v[s->value % l->count].number : 99999;
        p->fault = l->count ? l->v[s->value % l->count].rule : (struct fault){0};
        p->wanted.result = l->count ? 0 : -ENOENT;
        rc = play_execute(p, &cmd);
        p->fault_changed = rc == 0;
        return rc;
    }
    rc = play_execute(p, &cmd);
    if (rc == 0) {
        p->fault = core_faults(p->core)->v[core_faults(p->core)->count - 1].rule;
        p->fault_changed = true;
        p->requests.resets_take |= p->fault.kind == FAULT_RESET;
        p->requests.replies_damaged |= p->fault.kind == FAULT_BAD_REPLY;
    }
    return rc;
}

static int execute_look(struct play *p, const struct step *s)
{
    const struct m_guest *g = s->object < GUESTS ? &p->before.guest[s->object] : NULL;
    struct command cmd = {
        .kind = CMD_GUEST_LOOK, .now = p->now, .look = {g && g->exists ? g->number : 1000}};

    return play_execute(p, &cmd);
}

/* A write to a guest's file needs the guest's tree; building it is not part of the write. */
static bool look_before_store(struct play *p, const struct step *s)
{
    unsigned tree = tree_number(p, s);
    struct command cmd = {.kind = CMD_GUEST_LOOK, .now = p->now, .look = {tree - 1}};
    int result;

    if (s->kind != STEP_STORE || core_tree(p->core, tree))
        return true;
    result = play_execute(p, &cmd);
    return requests_follow(p, NULL, result);
}

/* Steps that are exactly one command. */
static int execute_plain(struct play *p, const struct step *s)
{
    struct command cmd = {.now = p->now, .token = s->token};

    switch (s->kind) {
    case STEP_TIME:
        cmd.kind = CMD_TIMER;
        cmd.timer.id = TIMER_ALARM;
        break;
    case STEP_TIMER:
        cmd.kind = CMD_TIMER;
        cmd.timer.id = (uint32_t)s->value;
        break;
    case STEP_GIVEUP:
        cmd.kind = CMD_CANCEL;
        calls_cancel(p, s->value, &cmd.token);
        break;
    case STEP_CANCEL:
        cmd.kind = CMD_CANCEL;
        break;
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
    default:
        abort();
    }
    return play_execute(p, &cmd);
}

static int execute_step(struct play *p, const struct step *s)
{
    switch (s->kind) {
    case STEP_CONNECT:
    case STEP_CPU_RESET:
        return execute_connect(p, s);
    case STEP_INSN:
        return execute_insn(p, s);
    case STEP_ZCRYPT:
        return execute_zcrypt(p, s);
    case STEP_JOB:
        return execute_job(p, s);
    case STEP_FAULT:
    case STEP_UNFAULT:
        return execute_fault(p, s);
    case STEP_STORE:
        return execute_store(p, s);
    case STEP_LOOK:
        return execute_look(p, s);
    case STEP_MACHINE:
        return execute_machine(p, s);
    case STEP_START:
    case STEP_STOP:
    case STEP_ATTACH:
    case STEP_DETACH:
    case STEP_MIGRATE:
        return execute_guest(p, s);
    default:
        return execute_plain(p, s);
    }
}

/* Commands return the reason of a refusal; attributes can only log it. */
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
    if (result < 0 && !p->reply.why.len && s->kind != STEP_STORE && s->kind != STEP_TIMER &&
        s->kind < STEP_LOOK)
        return play_fail(p, "refused without a reason");
    return true;
}

/* The log reports the refusal with its errno. */
static bool refusal_logged(const struct play *p, int err)
{
    char wanted[48];

    snprintf(wanted, sizeof wanted, " refused (%s): ", strerrorname_np(-err));
    for (size_t i = 0; i < p->fx.count; i++)
        if (p->fx.v[i].kind == EFFECT_LOG && strstr(effect_text(&p->fx, &p->fx.v[i]), wanted))
            return true;
    return false;
}

/* A refusal has no effect but messages, and news of what was due before it. */
static bool check_refusal(struct play *p, const struct step *s, uint64_t digest)
{
    p->refusals++;
    /* That a file cannot be written its mode says, before the core is asked. */
    if (s->kind == STEP_STORE && p->file_found && p->wanted.result != -EIO &&
        !refusal_logged(p, p->wanted.result))
        return play_fail(p, "the log does not say what was refused");
    for (size_t i = 0; i < p->fx.count; i++)
        if (p->fx.v[i].kind != EFFECT_LOG && p->fx.v[i].kind < EFFECTS_NEWS)
            return play_fail(p, "a refused step had effect %d", p->fx.v[i].kind);
    if (digest != dump_digest(p))
        return play_fail(p, "a refused step changed what can be seen");
    return true;
}

/* A guest's bus scans when the machine changed, or when its APCB changed, as effects tell. */
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

/* A connected client and our own system do not share the queues of a guest or of the LPAR. */
static bool left_out(const struct play *p, const struct step *s)
{
    const struct m_guest *g = s->object < GUESTS ? &p->model.guest[s->object] : NULL;
    bool connected = g ? g->exists && g->connected : s->object == LPAR && p->lpar_connected;

    switch (s->kind) {
    case STEP_CONNECT:
        return !s->on && !connected;
    case STEP_INSN:
        return !connected && g;
    case STEP_CPU_RESET:
        return !connected;
    default:
        return false;
    }
}

/* With faults the model does not predict what guests get, only which guests exist. */
static void follow_guests(struct play *p)
{
    struct guest_info info;
    uint32_t cursor = 0;

    for (int i = 0; i < GUESTS; i++)
        p->model.guest[i].exists = false;
    while (core_guest_next(p->core, &cursor, &info)) {
        for (unsigned i = 0; i < GUESTS; i++) {
            struct m_guest *g = &p->model.guest[i];

            if (strcmp(info.name, world_guest(i)) != 0)
                continue;
            if (!p->before.guest[i].exists)
                *g = (struct m_guest){.serial = ++p->model.serials, .mdev = -1};
            g->exists = true;
            g->number = info.number;
            g->features = info.features;
            g->connected = info.connected;
            g->looked = core_tree(p->core, info.number + 1);
        }
    }
    p->model.lpar_connected = p->lpar_connected;
}

static bool step_with_faults(struct play *p, const struct step *s)
{
    struct command tick = {.kind = CMD_TIMER, .now = p->now, .timer = {.id = TIMER_ALARM}};
    int result = play_execute(p, &tick);

    if (!requests_follow(p, NULL, result))
        return false;
    effects_clear(&p->fx);
    p->before = p->model;
    p->wanted = (struct m_outcome){0};
    if (!look_before_store(p, s))
        return false;
    result = execute_step(p, s);
    follow_guests(p);
    dump_effects(p);
    return !p->why.len && requests_follow(p, s, result) && rules_check(p);
}

static bool step_foretold(struct play *p, const struct step *s)
{
    uint64_t digest = 0;
    bool refused;
    int result;

    p->before = p->model;
    p->wanted = model_step(&p->model, s);
    refused = p->wanted.result < 0 && p->wanted.result != -EINPROGRESS && s->kind <= STEP_CONNECT;
    if (!look_before_store(p, s))
        return false;
    if (refused)
        digest = dump_digest(p);
    result = execute_step(p, s);
    guests_scan(p);
    dump_effects(p);
    return !p->why.len && check_reply(p, s, result) && rules_effects(p) && compare_all(p) &&
           rules_check(p) && (!refused || check_refusal(p, s, digest)) &&
           requests_follow(p, s, result);
}

#define RESTORE_EVERY 16u /* steps */

bool play_step(struct play *p, const struct step *s)
{
    p->now += 1000000 + (s->kind == STEP_TIME ? s->value : 0);
    p->steps++;
    effects_clear(&p->fx);
    reply_done(&p->reply);
    p->reply = (struct reply){0};
    p->requests.replied = 0;
    if (left_out(p, s))
        return true;
    if (!(p->requests.faulty ? step_with_faults(p, s) : step_foretold(p, s)) || !keep_check(p))
        return false;
    return p->steps % RESTORE_EVERY != 0 || (keep_restore(p) && keep_export(p) && keep_copy(p));
}

bool play_end(struct play *p)
{
    return requests_drain(p);
}
