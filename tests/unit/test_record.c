/* SPDX-License-Identifier: MIT */
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

/* Recordings: written, read back, replayed, and refused where they are wrong. */

#define DIRECTORY "/tmp/apus-record-XXXXXX"

static struct record *recording;

static int recorded(struct world *w, struct command *cmd)
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

static int store(struct world *w, unsigned tree, const char *path, const char *data, size_t len)
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

static void owner_commands(struct world *w)
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

static void guest_commands(struct world *w)
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

static void machine_commands(struct world *w)
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

static void request_commands(struct world *w)
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

static void all_commands(struct world *w)
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

static void make(struct world *w, char path[64])
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

static void clean(char path[64])
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

/* Of the last replay. */
static struct text warnings;
static uint64_t keyless;

static int replay_text(const char *text, size_t len, struct text *why)
{
    FILE *in = fmemopen((void *)text, len, "r");
    struct record_replayed played;
    int rc;

    assert_non_null(in);
    rc = record_replay(in, "run", NULL, &played, why);
    text_done(&warnings);
    warnings = played.warnings;
    keyless = played.keyless;
    text_done(&played.keyless_lines);
    fclose(in);
    return rc;
}

static void read_all(const char *path, struct text *out)
{
    FILE *in = fopen(path, "r");
    char block[4096];

    assert_non_null(in);
    for (size_t n; (n = fread(block, 1, sizeof block, in));)
        text_add(out, block, n);
    fclose(in);
}

static void test_replays_alike(void **state)
{
    text_auto why = {0}, recording_text = {0};
    char path[64];
    struct stat st;

    make(*state, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    read_all(path, &recording_text);
    assert_non_null(strstr(recording_text.data, "\"command\":\"guest-look\",\"guest\":0}"));
    assert_non_null(strstr(recording_text.data, "\"effect\":\"uevent\""));
    assert_null(strstr(recording_text.data, "\"ino\""));
    if (replay_text(recording_text.data, recording_text.len, &why) != 0)
        fail_msg("%s", why.data);
    clean(path);
}

/* An adapter generates a pair of keys for a program. */
static void generate_private(struct world *w)
{
    static uint8_t control_room[1024], reply_room[2048], key[32], point[65];
    struct buffer control = buffer_of(control_room, sizeof control_room);
    struct buffer out = buffer_of(reply_room, sizeof reply_room);
    struct command cmd = {.kind = CMD_ZCRYPT, .token = 79}, done = {.kind = CMD_JOB_DONE};
    struct cca_ec_request pair = {.curve = {CCA_EC_PRIME, 256}};
    struct type86_writer writer;
    struct cprbx block;
    size_t at;

    memset(key, 0xa5, sizeof key);
    memset(point, 0x3c, sizeof point);
    point[0] = 4;
    pair.d = span_of(key, sizeof key);
    pair.q = span_of(point, sizeof point);
    ec_keygen(pair.curve, &control);
    cprbx_set_domain(control_room, 0xffff);
    cmd.zcrypt.request = (struct zcrypt_request){.kind = ZCRYPT_CCA,
                                                 .node = ZCRYPT_Z90CRYPT,
                                                 .control = buffer_span(&control),
                                                 .reply_control = sizeof reply_room,
                                                 .card = ZCRYPT_ANY_CARD};
    assert_int_equal(recorded(w, &cmd), -EINPROGRESS);
    for (size_t i = 0; i < w->fx.count; i++)
        if (w->fx.v[i].kind == EFFECT_JOB)
            done.job.id = w->fx.v[i].node;
    assert_int_equal(cprbx_parse(buffer_span(&control), &block), 0);
    type86_start(&writer, &out);
    at = cprbx_start_reply(&block, &out);
    cca_ec_format_keygen_reply(&pair, &out);
    cprbx_finish_reply(at, &out);
    assert_int_equal(type86_finish(&writer, &out), 0);
    done.job.data = out.data;
    done.job.len = out.len;
    recorded(w, &done);
    assert_int_equal(w->fx.v[0].kind, EFFECT_REPLY);
    assert_int_equal(w->fx.v[0].value, 0);
}

static void send_private(struct world *w)
{
    static uint8_t key[64], input[64] = {[63] = 2}, message[2048];
    struct command rsa = {.kind = CMD_ZCRYPT, .token = 80};
    struct command cpu = {.kind = CMD_CPU_CONNECT, .cpu = {.guest = CORE_LPAR, .on = true}};
    struct command insn = {.kind = CMD_INSN, .insn = {.guest = CORE_LPAR}};
    struct buffer out = buffer_of(message, sizeof message);

    generate_private(w);
    memset(key, 0xa5, sizeof key);
    rsa.zcrypt.request = (struct zcrypt_request){.kind = ZCRYPT_RSA,
                                                 .node = ZCRYPT_Z90CRYPT,
                                                 .rsa = rsa_request_me(64, input, key, input),
                                                 .reply_data = 64,
                                                 .card = ZCRYPT_ANY_CARD};
    recorded(w, &rsa);
    rsa.zcrypt.request.rsa = rsa_request_crt(64, input, key, key, key, key, key);
    recorded(w, &rsa);
    assert_int_equal(type50_format(&rsa.zcrypt.request.rsa, &out), 0);
    assert_int_equal(recorded(w, &cpu), 0);
    insn.insn.insn =
        (struct ap_insn){.opcode = AP_OPCODE_NQAP, .data = message, .data_len = out.len};
    recorded(w, &insn);
    out = buffer_of(message, sizeof message);
    assert_int_equal(cca_import_format(6, span_of(key, 32), &out), 0);
    rsa.zcrypt.request.kind = ZCRYPT_CCA;
    rsa.zcrypt.request.control = buffer_span(&out);
    rsa.zcrypt.request.data = span_of(key, 64);
    recorded(w, &rsa);
    rsa.zcrypt.request.kind = ZCRYPT_EP11;
    recorded(w, &rsa);
}

/* Four a5 in a row occur in no other place. */
static void play_private(struct world *w, bool keys)
{
    text_auto why = {0}, text = {0};
    struct machine_config config;
    char path[64];

    make(w, path);
    machine_config_default(&config);
    effects_clear(&w->fx);
    core_free(w->core);
    w->core = core_new(&config, &w->fx);
    assert_int_equal(record_open(path, RECORD_FORCE, keys, &recording, &why), 0);
    assert_int_equal(record_begin(recording, &config, w->core, &w->fx, &why), 0);
    send_private(w);
    assert_int_equal(record_close(recording, &why), 0);
    read_all(path, &text);
    assert_int_equal(strstr(text.data, "a5a5a5a5") != NULL, keys);
    if (replay_text(text.data, text.len, &why) != 0)
        fail_msg("%s", why.data);
    assert_int_equal(keyless, keys ? 0 : 5);
    clean(path);
}

static void test_keys_are_left_out(void **state)
{
    play_private(*state, false);
}

static void test_keys_are_recorded(void **state)
{
    play_private(*state, true);
}

/* A recording made when the profile proposal was called seed. */
static void test_former_name_of_the_profile(void **state)
{
#define PROPOSAL "abi = proposal\\n"
    text_auto why = {0}, new = {0}, old = {0};
    char path[64];
    const char *at;

    make(*state, path);
    read_all(path, &new);
    at = strstr(new.data, PROPOSAL);
    assert_non_null(at);
    text_add(&old, new.data, (size_t)(at - new.data));
    text_addf(&old, "abi = seed\\n%s", at + strlen(PROPOSAL));
    if (replay_text(old.data, old.len, &why) != 0)
        fail_msg("%s", why.data);
    clean(path);
}

/* Each line is unchanged after a round trip. */
static void test_lines_survive(void **state)
{
    struct world *w = *state;
    text_auto text = {0}, why = {0};
    char path[64], *line, *rest;
    struct machine_config config, wanted;
    bool mounted = true;
    unsigned commands = 0;

    make(w, path);
    read_all(path, &text);
    rest = text.data;
    line = strsep(&rest, "\n");
    machine_config_default(&wanted);
    assert_int_equal(record_parse_head(line, strlen(line), &config, &mounted, &why), 0);
    assert_false(mounted);
    assert_true(machine_equal(&config, &wanted));
    while ((line = strsep(&rest, "\n")) && *line) {
        struct record_entry e;
        text_auto again = {0};

        assert_int_equal(record_parse_line(line, strlen(line), &e, &why), 0);
        if (e.line == RECORD_COMMAND && e.cmd.kind != CMD_STORE && e.cmd.kind != CMD_OWNER) {
            record_format_command(w->core, &e.cmd, e.keyless, &again);
            assert_string_equal(again.data, line);
            commands++;
        }
        record_entry_done(&e);
    }
    assert_true(commands > 15);
    clean(path);
}

/* An older recording only has the look itself. */
static void test_older_look(void **state)
{
    static const char look[] =
        "\"command\":\"guest-look\",\"guest\":0}\n{\"result\":0,\"effects\":[]}\n";
    text_auto why = {0}, text = {0}, older = {0};
    char path[64], *at, *line;

    make(*state, path);
    read_all(path, &text);
    at = strstr(text.data, look);
    assert_non_null(at);
    for (line = at; line[-1] != '\n'; line--)
        ;
    text_add(&older, text.data, (size_t)(line - text.data));
    text_adds(&older, "{\"look\":0}\n");
    text_adds(&older, at + strlen(look));
    if (replay_text(older.data, older.len, &why) != 0)
        fail_msg("%s", why.data);
    clean(path);
}

static void test_difference_is_shown(void **state)
{
    text_auto why = {0}, text = {0};
    char path[64], *at;
    unsigned line = 1;

    make(*state, path);
    read_all(path, &text);
    at = strstr(text.data, "\"result\":-19");
    assert_non_null(at);
    memcpy(at, "\"result\":-17", 12);
    for (const char *c = text.data; c < at; c++)
        line += *c == '\n';
    assert_int_equal(replay_text(text.data, text.len, &why), 1);
    text_auto wanted = {0};
    text_addf(&wanted, "run:%u: the outcome differs from column 13 on", line);
    assert_int_equal(strncmp(why.data, wanted.data, wanted.len), 0);
    assert_non_null(strstr(why.data, "\"result\":-17"));
    assert_non_null(strstr(why.data, "\"result\":-19"));
    clean(path);
}

static void test_what_is_no_recording(void **state)
{
#define START  "{\"start\":7}\n"
#define HEAD   "{\"apus-recording\":1,\"machine\":\"[machine]\\n\"}\n"
#define TIMER  "{\"time\":1,\"token\":0,\"command\":\"timer\",\"id\":9}\n"
#define RESULT "{\"result\":-22,\"effects\":[]}\n"
    static const char *const wrong[][2] = {
        {"\n", "run:1: not JSON"},
        {"{}\n", "run:1: \"apus-recording\" is missing"},
        {"{\"apus-recording\":2,\"machine\":\"\"}\n", "run:1: \"apus-recording\" has a version"},
        {"{\"apus-recording\":1,\"machine\":\"x\"}\n", "run:1: machine:1: "},
        {HEAD "[]\n", "run:2: not a JSON object"},
        {HEAD "{\"a\":1,\"a\":2}\n", "run:2: not JSON"},
        {HEAD "{\"command\":\"fly\"}\n", "run:2: \"command\" is not a known command"},
        {HEAD "{\"time\":-1,\"token\":0,\"command\":\"timer\",\"id\":3}\n",
         "run:2: \"time\" is out of range"},
        {HEAD "{\"time\":1,\"token\":0,\"command\":\"timer\",\"id\":4294967296}\n",
         "run:2: \"id\" is out of range"},
        {HEAD "{\"time\":1,\"token\":0,\"command\":\"timer\"}\n", "run:2: \"id\" must be a number"},
        {HEAD "{\"time\":1,\"token\":0,\"command\":\"timer\",\"id\":3,\"x\":1}\n",
         "run:2: \"timer\" has an unknown member"},
        {HEAD RESULT, "run:2: an outcome without a command"},
        {HEAD TIMER TIMER, "run:3: expected an outcome"},
        {HEAD "{\"look\":0}\n", "run:2: there is no such guest"},
        {HEAD START START, "run:3: expected an outcome"},
        {HEAD START RESULT, "run:3: the outcome differs"},
        {HEAD TIMER RESULT START, "run:4: the machine has already started"},
        {HEAD "{\"start\":1,\"x\":1}\n", "run:2: \"start\" must be the only member"},
        {HEAD "{\"time\":1,\"token\":0,\"command\":\"store\",\"tree\":0,\"path\":null,"
              "\"data\":{\"hex\":\"0\"}}\n",
         "run:2: \"data\" must consist of pairs"},
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        text_auto why = {0};

        assert_int_not_equal(replay_text(wrong[i][0], strlen(wrong[i][0]), &why), 0);
        if (strncmp(why.data, wrong[i][1], strlen(wrong[i][1])) != 0)
            fail_msg("\"%s\", not \"%s\"", why.data, wrong[i][1]);
    }
    text_auto why = {0};
    assert_int_equal(replay_text(HEAD TIMER RESULT, strlen(HEAD TIMER RESULT), &why), 0);
}

/* Whoever was killed while it recorded has left half a line, or a command without an outcome. */
static void test_cut_recordings_are_played(void **state)
{
    static const char *const cut[][2] = {
        {HEAD "{\"time\":1", "run:2: the last line is cut off"},
        {HEAD TIMER "{\"res", "run:3: the last line is cut off"},
        {HEAD TIMER, "run:2: the recording ends before the outcome"},
        {HEAD TIMER HEAD TIMER RESULT, "run:3: the recording ends before the outcome"},
    };
    text_auto why = {0};

    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        if (replay_text(cut[i][0], strlen(cut[i][0]), &why) != 0)
            fail_msg("%s", why.data);
        assert_int_equal(strncmp(warnings.data, cut[i][1], strlen(cut[i][1])), 0);
        assert_ptr_equal(strchr(warnings.data, '\n'), warnings.data + warnings.len - 1);
    }
    assert_int_equal(replay_text(HEAD TIMER RESULT HEAD TIMER RESULT,
                                 strlen(HEAD TIMER RESULT HEAD TIMER RESULT), &why),
                     0);
    assert_int_equal(warnings.len, 0);
    text_done(&warnings);
}

static void record_once(struct world *w, const char *path, enum record_mode mode)
{
    struct machine_config config;
    text_auto why = {0};

    machine_config_default(&config);
    assert_int_equal(record_open(path, mode, true, &recording, &why), 0);
    assert_int_equal(record_begin(recording, &config, w->core, &w->fx, &why), 0);
    assert_int_equal(record_close(recording, &why), 0);
}

/* What is there is never lost without a word. */
static void test_existing_files(void **state)
{
    struct world *w = *state;
    char directory[] = DIRECTORY, path[64];
    text_auto why = {0}, once = {0}, now = {0};

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/run", directory);
    record_once(w, path, RECORD_NEW);
    read_all(path, &once);
    assert_int_equal(record_open(path, RECORD_NEW, true, &recording, &why), -EEXIST);
    assert_non_null(strstr(why.data, "--append"));
    /* A line that is cut gives way. */
    assert_int_equal(truncate(path, (off_t)once.len - 5), 0);
    record_once(w, path, RECORD_APPEND);
    read_all(path, &now);
    assert_non_null(strstr(now.data + 10, "\n{\"apus-recording\""));
    assert_int_equal(replay_text(now.data, now.len, &why), 0);
    assert_non_null(strstr(warnings.data, "before the outcome"));
    assert_int_equal(chmod(path, 0644), 0);
    record_once(w, path, RECORD_FORCE);
    text_clear(&now);
    read_all(path, &now);
    assert_string_equal(now.data, once.data);
    assert_int_equal(truncate(path, 3), 0);
    text_clear(&why);
    assert_int_equal(record_open(path, RECORD_APPEND, true, &recording, &why), -EINVAL);
    assert_non_null(strstr(why.data, "not a recording"));
    text_done(&warnings);
    clean(path);
}

/* A start that is refused leaves everything as it was. */
static void test_refused_start(void **state)
{
    struct rlimit limit, was;
    struct world *w = *state;
    struct machine_config config;
    char directory[] = DIRECTORY, path[64];
    text_auto why = {0}, now = {0};

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/run", directory);
    machine_config_default(&config);
    assert_int_equal(record_open(path, RECORD_NEW, true, &recording, &why), 0);
    assert_int_equal(record_close(recording, &why), 0);
    assert_int_equal(access(path, F_OK), -1);
    /* No room for the head: no empty file stays behind, and no recording is lost. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = (struct rlimit){.rlim_cur = 100, .rlim_max = was.rlim_max};
    for (int existing = 0; existing < 2; existing++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(record_open(path, RECORD_FORCE, true, &recording, &why), 0);
        assert_int_equal(record_begin(recording, &config, w->core, &w->fx, &why), -EFBIG);
        assert_int_equal(record_close(recording, &why), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
        if (!existing) {
            FILE *file = fopen(path, "wx");

            assert_non_null(file);
            fputs("valuable", file);
            fclose(file);
        }
    }
    read_all(path, &now);
    assert_string_equal(now.data, "valuable");
    text_clear(&why);
    assert_int_equal(record_open("/dev/full", RECORD_NEW, true, &recording, &why), -EINVAL);
    assert_string_equal(why.data,
                        "cannot write to /dev/full: it is no regular file; name another one");
    text_clear(&why);
    assert_int_equal(record_open("/nowhere/run", RECORD_NEW, true, &recording, &why), -ENOENT);
    clean(path);
}

/* A full disk ends the recording, with one message; what was written stays, and the run goes on. */
static void test_disk_fills_up(void **state)
{
    struct rlimit limit, was;
    struct world *w = *state;
    struct command cmd = {.kind = CMD_TIMER, .timer = {.id = TIMER_SCAN}};
    struct machine_config config;
    char directory[] = DIRECTORY, path[64];
    text_auto why = {0};
    int failures = 0;

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/run", directory);
    machine_config_default(&config);
    assert_int_equal(record_open(path, RECORD_NEW, true, &recording, &why), 0);
    assert_int_equal(record_begin(recording, &config, w->core, &w->fx, &why), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = (struct rlimit){.rlim_cur = 16384, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 1000; i++)
        failures += record_command(recording, w->core, &cmd, &why) == -EFBIG;
    failures += record_close(recording, &why) == -EFBIG;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(failures, 1);
    assert_non_null(strstr(why.data, "are not recorded"));
    clean(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_older_look),
        TEST(test_replays_alike),
        TEST(test_former_name_of_the_profile),
        TEST(test_keys_are_left_out),
        TEST(test_keys_are_recorded),
        TEST(test_lines_survive),
        TEST(test_difference_is_shown),
        TEST(test_what_is_no_recording),
        TEST(test_cut_recordings_are_played),
        TEST(test_existing_files),
        TEST(test_refused_start),
        TEST(test_disk_fills_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
