/* SPDX-License-Identifier: MIT */
/* Files of recordings: existing, full, cut, and what is none. */
#include "record_world.h"

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
        {HEAD TIMER "{\"result\":-9223372036854775808,\"effects\":[]}\n",
         "run:3: \"result\" is out of range"},
        {HEAD TIMER "{\"result\":1,\"effects\":[]}\n", "run:3: \"result\" is out of range"},
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

/* Of an outcome only result and the list of effects are checked; the rest is compared. */
static void test_wild_outcomes_are_printed(void **state)
{
#define OUTCOME(rest) "{\"result\":-1," rest "}\n"
#define EFFECT(e)     OUTCOME("\"effects\":[" e "]")
    static const char *const wild[] = {
        EFFECT("{\"effect\":\"log\",\"level\":true,\"text\":null}"),
        EFFECT("{\"effect\":\"uevent\",\"env\":[[false],1.5,{\"hex\":7}]}"),
        EFFECT("{\"effect\":\"timer\",\"tree\":-9223372036854775808}"),
        EFFECT("1,[2],null,{\"effect\":3}"),
        OUTCOME("\"why\":{},\"value\":\"1\",\"effects\":[]"),
    };

    for (size_t i = 0; i < ARRAY_LEN(wild); i++) {
        text_auto why = {0}, text = {0}, printed = {0};

        text_addf(&text, "%s%s%s", HEAD, TIMER, wild[i]);
        assert_int_equal(replay_printed(text.data, text.len, &printed, &why), 1);
        assert_non_null(strstr(why.data, "run:3: the outcome differs"));
        assert_non_null(strstr(printed.data, "    -> Operation not permitted"));
    }
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
        TEST(test_what_is_no_recording),
        TEST(test_wild_outcomes_are_printed),
        TEST(test_cut_recordings_are_played),
        TEST(test_existing_files),
        TEST(test_refused_start),
        TEST(test_disk_fills_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
