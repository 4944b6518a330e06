/* SPDX-License-Identifier: MIT */
/*
 * A core under arbitrary commands: writes to attributes, requests of programs, messages and
 * registers of a guest's CPU, replies of adapters, fault rules. Each accepted request ends at most
 * once, a reply in a queue belongs to a message that was sent, and the text of a refusal is
 * printable. An operation is a letter, an argument, a length, and bytes.
 */
#include <errno.h>
#include <string.h>

#include "core/query.h"

#include "fuzz.h"

#define UUID     "69aa1a8a-0000-4000-8000-000000000001"
#define MATRIX   "devices/vfio_ap/matrix/"
#define JOBS     64u
#define REQUESTS 256u

struct world {
    struct core *core;
    struct effects fx;
    uint64_t now, jobs[JOBS];
    unsigned job_count, requests;
    bool open[REQUESTS]; /* by token - 1 */
    uint64_t inside;     /* accepted messages of the guest */
};

static const char *const paths[] = {"bus/ap/apmask",
                                    "bus/ap/aqmask",
                                    "bus/ap/ap_domain",
                                    "bus/ap/config_time",
                                    "bus/ap/poll_thread",
                                    "bus/ap/poll_timeout",
                                    "bus/ap/drivers_probe",
                                    "bus/ap/scans",
                                    "bus/ap/uevent",
                                    "bus/ap/drivers/vfio_ap/bind",
                                    "bus/ap/drivers/cex4queue/unbind",
                                    "devices/ap/card05/config",
                                    "devices/ap/card05/online",
                                    "devices/ap/card05/uevent",
                                    "devices/ap/card06/06.0004/driver_override",
                                    "devices/ap/card06/06.0047/reset",
                                    "devices/ap/card06/06.0047/uevent",
                                    "class/zcrypt/create",
                                    "class/zcrypt/destroy",
                                    "class/zcrypt/n/ioctlmask",
                                    MATRIX "mdev_supported_types/vfio_ap-passthrough/create",
                                    MATRIX UUID "/ap_config",
                                    MATRIX UUID "/assign_adapter",
                                    MATRIX UUID "/unassign_domain",
                                    MATRIX UUID "/assign_control_domain",
                                    MATRIX UUID "/remove"};

static void effects_follow(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.v[i];
        struct zcrypt_reply reply;

        if (e->kind == EFFECT_JOB && w->job_count < JOBS)
            w->jobs[w->job_count++] = e->node;
        if (e->kind != EFFECT_REPLY)
            continue;
        fuzz_check(e->node && e->node <= w->requests && w->open[e->node - 1]);
        fuzz_check(e->value || zcrypt_reply_parse(effect_text(&w->fx, e), e->len, &reply) == 0);
        w->open[e->node - 1] = false;
    }
}

static struct reply execute(struct world *w, struct command *cmd)
{
    struct reply reply = {0};

    cmd->now = w->now;
    effects_clear(&w->fx);
    core_execute(w->core, cmd, &w->fx, &reply);
    if (cmd->kind == CMD_ZCRYPT)
        w->open[cmd->token - 1] = reply.result == -EINPROGRESS;
    effects_follow(w);
    return reply;
}

static int run(struct world *w, struct command *cmd)
{
    struct reply reply = execute(w, cmd);

    reply_done(&reply);
    return reply.result;
}

static void put(struct world *w, const char *path, const void *data, size_t len)
{
    struct command cmd = {.kind = CMD_STORE, .store = {.data = data, .len = len}};

    if (sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &cmd.store.ino) == 0)
        run(w, &cmd);
}

static void request(struct world *w, enum zcrypt_kind kind, unsigned arg, struct span control)
{
    struct zcrypt_target target = {0xffff, arg & 1 ? 4 : 0xffff};
    struct command cmd = {.kind = CMD_ZCRYPT};
    uint8_t number[64];

    if (w->requests == REQUESTS)
        return;
    cmd.token = ++w->requests;
    cmd.zcrypt.request = (struct zcrypt_request){.kind = kind,
                                                 .node = ZCRYPT_Z90CRYPT,
                                                 .control = control,
                                                 .agent = {'C', 'A'},
                                                 .card = ZCRYPT_ANY_CARD,
                                                 .reply_control = 500,
                                                 .reply_data = arg,
                                                 .targets = &target,
                                                 .target_count = arg & 2 ? 1 : 0};
    memset(number, (int)arg | 1, sizeof number);
    if (kind == ZCRYPT_RSA)
        cmd.zcrypt.request.rsa = rsa_request_me(1 + arg % 64, number, number, number);
    run(w, &cmd);
}

static void instruction(struct world *w, uint16_t opcode, unsigned arg, struct span data)
{
    uint8_t regs[40] = {0};
    struct command cmd = {.kind = CMD_INSN, .insn = {.insn = {.opcode = opcode, .r1 = 2, .r2 = 4}}};
    struct ap_insn *n = &cmd.insn.insn;
    struct reply reply;

    n->gr[0] = 0x40000000u | (arg & 1 ? 0x604u : 0x504u);
    n->data = data.data;
    n->p2[1] = n->data_len = data.len;
    if (opcode == AP_OPCODE_DQAP)
        n->p2[1] = arg;
    if (opcode == AP_OPCODE_PQAP) {
        memcpy(regs, data.data, data.len < sizeof regs ? data.len : sizeof regs);
        for (unsigned i = 0; i < 3; i++)
            n->gr[i] = (uint64_t)be32_get(regs + 8 * i) << 32 | be32_get(regs + 8 * i + 4);
        n->r1 = regs[24];
    }
    reply = execute(w, &cmd);
    if (!reply.insn.program_check && !reply.insn.cc && opcode == AP_OPCODE_NQAP)
        w->inside++;
    if (!reply.insn.program_check && !reply.insn.cc && opcode == AP_OPCODE_DQAP)
        fuzz_check(w->inside-- > 0);
    reply_done(&reply);
}

static void answer(struct world *w, unsigned arg, struct span data)
{
    struct command cmd = {.kind = CMD_JOB_DONE, .job = {.data = data.data, .len = data.len}};
    struct core_job job;
    bool exists;

    if (!w->job_count)
        return;
    arg %= w->job_count;
    cmd.job.id = w->jobs[arg];
    exists = core_job_get(w->core, cmd.job.id, &job) == 0;
    w->jobs[arg] = w->jobs[--w->job_count];
    fuzz_check(run(w, &cmd) == (exists ? 0 : -ESTALE));
}

static void fault(struct world *w, struct span text)
{
    struct command cmd = {.kind = CMD_FAULT_ADD,
                          .fault = {.text = (const char *)text.data, .len = text.len}};
    struct reply reply = execute(w, &cmd);

    fuzz_check(!reply.result == !reply.why.len);
    reply_done(&reply);
}

/* Any inode number, or that of a path. */
static void own(struct world *w, unsigned arg, struct span data)
{
    struct command cmd = {.kind = CMD_OWNER};

    if (data.len < 16)
        return;
    memcpy(&cmd.owner.ino, data.data, 8);
    memcpy(&cmd.owner.to.mode, data.data + 8, 2);
    memcpy(&cmd.owner.to.uid, data.data + 10, 4);
    cmd.owner.tree = arg & 1;
    if (arg & 2)
        sysfs_resolve(core_tree(w->core, CORE_HOST_TREE),
                      paths[arg % (sizeof paths / sizeof *paths)], &cmd.owner.ino);
    run(w, &cmd);
}

static void operation(struct world *w, uint8_t letter, unsigned arg, struct span data)
{
    struct command cmd = {.kind = CMD_TIMER, .timer = {.id = 1 + arg % 4}};

    switch (letter) {
    case 'w':
        put(w, paths[arg % (sizeof paths / sizeof *paths)], data.data, data.len);
        return;
    case 'r':
        request(w, ZCRYPT_RSA, arg, data);
        return;
    case 'c':
        request(w, ZCRYPT_CCA, arg, data);
        return;
    case 'e':
        request(w, ZCRYPT_EP11, arg, data);
        return;
    case 'n':
        instruction(w, AP_OPCODE_NQAP, arg, data);
        return;
    case 'd':
        instruction(w, AP_OPCODE_DQAP, arg, data);
        return;
    case 'p':
        instruction(w, AP_OPCODE_PQAP, arg, data);
        return;
    case 'j':
        answer(w, arg, data);
        return;
    case 'o':
        own(w, arg, data);
        return;
    case 'f':
        fault(w, data);
        return;
    case 'u':
        cmd.kind = CMD_FAULT_REMOVE;
        cmd.fault.number = arg;
        break;
    default:
        w->now += arg * UINT64_C(100000000);
    }
    run(w, &cmd);
}

static void set_up(struct world *w)
{
    struct machine_config config;
    struct command cmd = {.kind = CMD_GUEST_START,
                          .guest = {.name = "g",
                                    .features = GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI,
                                    .has_mdev = true}};

    machine_config_default(&config);
    w->core = core_new(&config, &w->fx);
    put(w, "bus/ap/aqmask", "-4\n", 3);
    put(w, MATRIX "mdev_supported_types/vfio_ap-passthrough/create", UUID, strlen(UUID));
    put(w, MATRIX UUID "/assign_adapter", "5", 1);
    put(w, MATRIX UUID "/assign_adapter", "6", 1);
    put(w, MATRIX UUID "/assign_domain", "4", 1);
    put(w, "class/zcrypt/create", "n", 1);
    uuid_parse(UUID, strlen(UUID), &cmd.guest.mdev);
    fuzz_check(run(w, &cmd) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct world w = {0};

    set_up(&w);
    for (size_t at = 0; at + 3 <= len;) {
        size_t n = data[at + 2] < len - at - 3 ? data[at + 2] : len - at - 3;

        operation(&w, data[at], data[at + 1], span_of(data + at + 3, n));
        at += 3 + n;
    }
    core_free(w.core);
    effects_done(&w.fx);
    return 0;
}
