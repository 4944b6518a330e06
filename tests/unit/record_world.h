/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_RECORD_WORLD_H
#define APUS_TESTS_RECORD_WORLD_H

/* A recording of commands of all kinds. */

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_world.h"
#include "ec_request.h"
#include "machine_equal.h"
#include "message/type50.h"
#include "store/record.h"

#define DIRECTORY "/tmp/apus-record-XXXXXX"

static struct record *recording;

static inline int recorded(struct world *w, struct command *cmd)
{
    static uint64_t now;
    text_auto why = {0};

    cmd->now = now += 1000000;
    effects_clear(&w->fx);
    reply_done(&w->reply);
    assert_int_equal(record_command(recording, w->core, cmd, &why), 0);
    core_execute(w->core, cmd, &w->fx, &w->reply);
    assert_int_equal(record_outcome(recording, w->core, &w->reply, &w->fx, &why), 0);
    return w->reply.result;
}

static inline int store(struct world *w, unsigned tree, const char *path, const char *data,
                        size_t len)
{
    struct command cmd = {.kind = CMD_STORE, .token = 7};

    cmd.store.tree = tree;
    cmd.store.data = data;
    cmd.store.len = len;
    if (!core_tree(w->core, tree) ||
        sysfs_resolve(core_tree(w->core, tree), path, &cmd.store.ino) < 0)
        cmd.store.ino = 0;
    return recorded(w, &cmd);
}

static inline void owner_commands(struct world *w)
{
    struct command cmd = {.kind = CMD_OWNER, .owner.to = {0660, 0, 4711}};

    assert_int_equal(sysfs_resolve(core_tree(w->core, 0), "dev/z90crypt", &cmd.owner.ino), 0);
    assert_int_equal(recorded(w, &cmd), 0);
    assert_int_equal(
        sysfs_resolve_nofollow(core_tree(w->core, 0), "bus/ap/devices/card05", &cmd.owner.ino), 0);
    assert_int_equal(recorded(w, &cmd), 0);
    cmd.owner.ino = 0;
    assert_int_equal(recorded(w, &cmd), -ENODEV);
}

static inline void guest_commands(struct world *w)
{
    struct command cmd = {.kind = CMD_GUEST_START,
                          .guest = {.name = "Guest1", .features = 15, .has_mdev = true}};
    struct command look = {.kind = CMD_GUEST_LOOK};

    assert_int_equal(uuid_parse(UUID1, 36, &cmd.guest.mdev), 0);
    assert_int_equal(recorded(w, &cmd), 0);
    cmd.kind = CMD_GUEST_MIGRATE;
    assert_int_equal(recorded(w, &cmd), -EBUSY);
    cmd.kind = CMD_GUEST_ATTACH;
    assert_int_equal(recorded(w, &cmd), -EBUSY);
    /* The visible state of the guest changes with the next command. */
    assert_int_equal(store(w, 1, "bus/ap/apmask", "-5\n", 3), -ENODEV);
    assert_int_equal(recorded(w, &look), 0);
    assert_int_equal(store(w, 0, MATRIX UUID1 "/unassign_adapter", "6\n", 2), 0);
    assert_int_equal(store(w, 1, "bus/ap/apmask", "-5\n", 3), 0);
    cmd.kind = CMD_GUEST_DETACH;
    assert_int_equal(recorded(w, &cmd), 0);
    cmd.kind = CMD_GUEST_STOP;
    assert_int_equal(recorded(w, &cmd), 0);
}

static inline void machine_commands(struct world *w)
{
    struct machine_config config;
    struct command adapter = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 5}};
    struct command lpar = {.kind = CMD_SE_LPAR,
                           .lpar = {.what = LPAR_DOMAIN, .id = 9, .add = true}};
    struct command sclp = {.kind = CMD_SCLP, .sclp = {.word = 0x001f0501}};
    struct command set = {.kind = CMD_MACHINE_SET, .machine = {.config = &config}};
    struct command timer = {.kind = CMD_TIMER, .timer = {.id = TIMER_SCAN}};
    struct command cancel = {.kind = CMD_CANCEL, .token = UINT64_MAX};
    struct command fault = {.kind = CMD_FAULT_ADD, .fault = {.text = "* 3 busy", .len = 8}};

    machine_config_default(&config);
    assert_int_equal(machine_adapter_type_parse("CEX8P", &config.adapters[6]), 0);
    mask256_set(&set.machine.checkstopped, 4);
    assert_int_equal(recorded(w, &adapter), 0);
    assert_int_equal(recorded(w, &lpar), -EBUSY);
    assert_int_equal(recorded(w, &sclp), 0);
    adapter.kind = CMD_CHECKSTOP;
    adapter.adapter.on = true;
    assert_int_equal(recorded(w, &adapter), 0);
    set.silent = true;
    assert_int_equal(recorded(w, &set), 0);
    assert_int_equal(recorded(w, &fault), 0);
    fault.fault.text = "\xff\0";
    fault.fault.len = 2;
    assert_int_equal(recorded(w, &fault), -EINVAL);
    fault.kind = CMD_FAULT_REMOVE;
    fault.fault.number = 1;
    assert_int_equal(recorded(w, &fault), 0);
    assert_int_equal(recorded(w, &fault), -ENOENT);
    assert_int_equal(recorded(w, &timer), 0);
    assert_int_equal(recorded(w, &cancel), 0);
}

static inline void request_commands(struct world *w)
{
    static const uint8_t n[32] = {0, 1, 2, 0xff}, e[32] = {[31] = 3}, m[32] = {[31] = 0x21};
    static const struct zcrypt_target targets[] = {{5, 4}, {0xffff, 0xffff}};
    struct command cpu = {.kind = CMD_CPU_CONNECT, .cpu = {.guest = CORE_LPAR, .on = true}};
    struct command insn = {.kind = CMD_INSN, .insn = {.guest = CORE_LPAR}};
    struct command rsa = {.kind = CMD_ZCRYPT, .token = 70};
    struct command done = {.kind = CMD_JOB_DONE, .job = {.id = 0xfffffff5, .data = n, .len = 32}};

    assert_int_equal(recorded(w, &cpu), 0);
    insn.insn.insn = (struct ap_insn){.opcode = AP_OPCODE_PQAP, .gr = {0x04000000, 0, UINT64_MAX}};
    assert_int_equal(recorded(w, &insn), 0);
    insn.insn.insn.data = n;
    insn.insn.insn.data_len = sizeof n;
    insn.insn.insn.opcode = AP_OPCODE_NQAP;
    assert_int_equal(recorded(w, &insn), 0);
    cpu.kind = CMD_CPU_RESET;
    assert_int_equal(recorded(w, &cpu), 0);
    cpu = (struct command){.kind = CMD_CPU_CONNECT, .cpu = {.guest = CORE_LPAR}};
    assert_int_equal(recorded(w, &cpu), 0);
    rsa.zcrypt.request = (struct zcrypt_request){.kind = ZCRYPT_RSA,
                                                 .node = ZCRYPT_Z90CRYPT,
                                                 .rsa = rsa_request_me(32, n, e, m),
                                                 .reply_data = 32,
                                                 .card = ZCRYPT_ANY_CARD};
    recorded(w, &rsa);
    rsa.zcrypt.request.rsa = rsa_request_crt(32, n, m, e, m, e, n);
    recorded(w, &rsa);
    rsa.zcrypt.request.kind = ZCRYPT_CCA;
    rsa.zcrypt.request.data = span_of(n, sizeof n);
    rsa.zcrypt.request.agent[0] = 'C';
    rsa.zcrypt.request.agent[1] = 'A';
    recorded(w, &rsa);
    rsa.zcrypt.request.kind = ZCRYPT_EP11;
    rsa.zcrypt.request.control = span_of("abc", 3);
    rsa.zcrypt.request.targets = targets;
    rsa.zcrypt.request.target_count = 2;
    recorded(w, &rsa);
    assert_int_equal(recorded(w, &done), -ESTALE);
}

static inline void all_commands(struct world *w)
{
    assert_int_equal(store(w, 0, "bus/ap/aqmask", "-4,-0x47,-0xab,-0xff\n", 21), 0);
    assert_int_equal(store(w, 0, CREATE, UUID1, 36), 0);
    assert_int_equal(store(w, 0, MATRIX UUID1 "/assign_adapter", "5", 1), 0);
    assert_int_equal(store(w, 0, MATRIX UUID1 "/assign_adapter", "6", 1), 0);
    assert_int_equal(store(w, 0, MATRIX UUID1 "/assign_domain", "4", 1), 0);
    assert_int_equal(store(w, 0, MATRIX UUID1 "/assign_domain", "\0\xff", 2), -EINVAL);
    assert_int_equal(store(w, 0, "bus/ap/drivers_probe", "\xc3\xa9\n", 3), -ENODEV);
    assert_int_equal(store(w, 0, "not/there", "1", 1), -ENODEV);
    owner_commands(w);
    guest_commands(w);
    machine_commands(w);
    request_commands(w);
    assert_int_equal(store(w, 0, MATRIX UUID1 "/remove", "1", 1), 0);
}

static inline void make(struct world *w, char path[64])
{
    struct machine_config config;
    char directory[] = DIRECTORY;
    text_auto why = {0};

    assert_non_null(mkdtemp(directory));
    snprintf(path, 64, "%s/run", directory);
    machine_config_default(&config);
    assert_int_equal(record_open(path, RECORD_NEW, true, &recording, &why), 0);
    assert_int_equal(record_begin(recording, &config, w->core, &w->fx, &why), 0);
    all_commands(w);
    assert_int_equal(record_close(recording, &why), 0);
}

static inline void clean(char path[64])
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

/* Of the last replay. */
static struct text warnings;

static uint64_t keyless;

static inline int replay_to(FILE *print, const char *text, size_t len, struct text *why)
{
    FILE *in = fmemopen((void *)text, len, "r");
    struct record_replayed played;
    int rc;

    assert_non_null(in);
    rc = record_replay(in, "run", print, &played, why);
    text_done(&warnings);
    warnings = played.warnings;
    keyless = played.keyless;
    text_done(&played.keyless_lines);
    fclose(in);
    return rc;
}

static inline int replay_text(const char *text, size_t len, struct text *why)
{
    return replay_to(NULL, text, len, why);
}

static inline int replay_printed(const char *text, size_t len, struct text *printed,
                                 struct text *why)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);
    int rc;

    assert_non_null(out);
    rc = replay_to(out, text, len, why);
    fclose(out);
    text_add(printed, bytes, size);
    free(bytes);
    return rc;
}

static inline void read_all(const char *path, struct text *out)
{
    FILE *in = fopen(path, "r");
    char block[4096];

    assert_non_null(in);
    for (size_t n; (n = fread(block, 1, sizeof block, in));)
        text_add(out, block, n);
    fclose(in);
}

#endif
