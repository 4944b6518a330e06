/* SPDX-License-Identifier: MIT */
/* Recordings: what is written is read back, and is replayed alike, also without private keys. */
#include "record_world.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
