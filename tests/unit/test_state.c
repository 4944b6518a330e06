/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state_folder.h"
#include "store/crc32.h"

/* State directories: written, cut, damaged, and read back. What a state has to hold is tested
 * by tests/model, which makes a core of the file again and again. */

#define COMMITS_MAX 64

/* A play, and the file after each of its commands. */
struct play {
    struct world *w;
    struct text file;
    size_t ends[COMMITS_MAX];
    struct text states[COMMITS_MAX]; /* the whole state at each end */
    unsigned count;
};

static void keep(struct play *p)
{
    size_t begin = p->file.len;

    if (begin)
        state_changes_format(p->w->core, p->w->fx.changes, p->w->fx.change_count, &p->file);
    else
        state_format(p->w->core, &p->file);
    if (p->file.len == begin)
        return;
    state_commit_format(&p->file, begin, 0);
    assert_in_range(p->count, 0, COMMITS_MAX - 1);
    state_format(p->w->core, &p->states[p->count]);
    p->ends[p->count++] = p->file.len;
}

static void kept_put(struct play *p, const char *path, const char *value)
{
    assert_int_equal(put(p->w, path, value), 0);
    keep(p);
}

static void kept_owner(struct play *p, const char *path, unsigned mode, unsigned user)
{
    struct command owner = {.kind = CMD_OWNER, .owner.to = {(uint16_t)mode, user, user + 1}};

    assert_int_equal(sysfs_resolve(core_tree(p->w->core, CORE_HOST_TREE), path, &owner.owner.ino),
                     0);
    assert_int_equal(run(p->w, &owner), 0);
    keep(p);
}

static void play(struct play *p, struct world *w)
{
    struct command fault = {.kind = CMD_FAULT_ADD, .fault = {.text = "06.* 3 full", .len = 11}};

    *p = (struct play){.w = w};
    keep(p);
    w->fx.want_changes = true;
    kept_put(p, "bus/ap/apmask", "-5\n");
    kept_put(p, "bus/ap/config_time", "77\n");
    kept_put(p, CREATE, UUID1);
    kept_owner(p, MATRIX UUID1 "/matrix", 0400, 7);
    kept_owner(p, "bus/ap/apmask", 0660, 8);
    kept_put(p, MATRIX UUID1 "/assign_adapter", "5\n");
    kept_put(p, MATRIX UUID1 "/assign_domain", "4\n");
    assert_int_equal(guest(w, CMD_GUEST_START, "g1", UUID1), 0);
    keep(p);
    look(w, 0);
    keep(p);
    assert_int_equal(run(w, &fault), 0);
    keep(p);
    kept_put(p, "class/zcrypt/create", "a\"b\\\xff\n");
    kept_owner(p, "devices/ap/card06/06.0004/online", 0600, 9);
    kept_owner(p, "bus/ap/apmask", 0600, 10);
    kept_put(p, "bus/ap/drivers/cex4queue/unbind", "06.0004\n");
    kept_put(p, "devices/ap/card04/online", "0\n");
    assert_int_equal(se_adapter(w, 6, false), 0);
    keep(p);
    assert_int_equal(guest(w, CMD_GUEST_STOP, "g1", NULL), 0);
    keep(p);
    kept_put(p, MATRIX UUID1 "/remove", "1\n");
}

static void play_done(struct play *p)
{
    text_done(&p->file);
    for (unsigned i = 0; i < p->count; i++)
        text_done(&p->states[i]);
}

/* The state that a file has. The scan of a new core finds what it found before. */
static void assert_state(const char *data, size_t len, const struct text *wanted)
{
    struct effects fx = {0};
    struct state_image image;
    text_auto why = {0}, got = {0};
    struct core *core;

    assert_int_equal(state_image_read(data, len, &image, &why), 0);
    if (state_image_core(&image, &core, &fx, &why) < 0)
        fail_msg("%s", why.data);
    state_format(core, &got);
    assert_string_equal(got.data, wanted->data);
    state_image_done(&image);
    core_free(core);
    effects_done(&fx);
}

/* Wherever it is cut, it has the state of the last command that is in it to its end. */
static void cut_at_every_byte(void **state)
{
    struct play p;
    unsigned at = 0;

    play(&p, *state);
    for (unsigned i = 0; i < p.count; i++)
        assert_state(p.file.data, p.ends[i], &p.states[i]);
    for (size_t len = p.ends[0]; len <= p.file.len; len++) {
        struct state_image image;
        text_auto why = {0};

        while (at + 1 < p.count && p.ends[at + 1] <= len)
            at++;
        assert_int_equal(state_image_read(p.file.data, len, &image, &why), 0);
        assert_int_equal(image.sound, p.ends[at]);
        state_image_done(&image);
    }
    play_done(&p);
}

/* Before the first commit there is nothing to begin with: the file is renamed when it is complete.
 */
static void begun_but_not_complete(void **state)
{
    struct play p;

    play(&p, *state);
    for (size_t len = 0; len < p.ends[0]; len++) {
        struct state_image image;
        text_auto why = {0};

        assert_int_equal(state_image_read(p.file.data, len, &image, &why), -EINVAL);
        assert_true(why.len > 0);
    }
    play_done(&p);
}

/* A power loss: any byte of what was not safe may be lost, also before others that were written. */
static void lost_pages(void **state)
{
    struct state_image image;
    struct play p;

    play(&p, *state);
    for (unsigned lost = 1; lost < p.count; lost++) {
        text_auto file = {0}, why = {0};

        text_add(&file, p.file.data, p.file.len);
        memset(file.data + p.ends[lost - 1], 0, p.ends[lost] - p.ends[lost - 1]);
        assert_int_equal(state_image_read(file.data, file.len, &image, &why), 0);
        assert_int_equal(image.sound, p.ends[lost - 1]);
        state_image_done(&image);
        assert_state(file.data, file.len, &p.states[lost - 1]);
    }
    play_done(&p);
}

/* Whatever bit turns, nothing is taken for what it is not: it is refused, or what has the bit is
 * left out with all behind it, which the caller tells. */
static void a_bit_that_has_turned(void **state)
{
    struct play p;

    play(&p, *state);
    for (size_t at = 0; at < p.file.len; at++) {
        struct state_image image;
        text_auto why = {0};
        unsigned last = 0;

        p.file.data[at] ^= (char)(1 << at % 8);
        if (state_image_read(p.file.data, p.file.len, &image, &why) < 0) {
            assert_in_range(at, 0, p.ends[0] - 1);
            assert_true(why.len > 0);
        } else {
            while (last + 1 < p.count && p.ends[last] < image.sound)
                last++;
            assert_int_equal(image.sound, p.ends[last]);
            /* But for the number of what was safe: it has no say where all is sound. */
            if (image.sound == p.file.len)
                assert_int_equal(p.file.data[at] & 0xf0, '0' & 0xf0);
            else
                assert_true(at >= image.sound);
            assert_state(p.file.data, p.file.len, &p.states[last]);
            state_image_done(&image);
        }
        p.file.data[at] ^= (char)(1 << at % 8);
    }
    play_done(&p);
}

/* What a later commit says was safe cannot be lost: it is damaged, and a person has to look. */
static void damage_is_no_power_loss(void **state)
{
    struct state_image image;
    struct play p;
    text_auto why = {0};
    size_t begin;

    play(&p, *state);
    begin = p.file.len;
    text_adds(&p.file, "mdev 7\n");
    state_commit_format(&p.file, begin, p.ends[3]);
    p.file.data[p.ends[1] + 3] ^= 1;
    assert_int_equal(state_image_read(p.file.data, p.file.len, &image, &why), -EINVAL);
    assert_non_null(strstr(why.data, "damaged"));
    play_done(&p);
}

static void refused(const char *lines, const char *because)
{
    struct effects fx = {0};
    text_auto file = {0}, why = {0};
    struct state_image image = {0};
    struct core *core = NULL;
    int rc;

    text_adds(&file, lines);
    state_commit_format(&file, 0, 0);
    rc = state_image_read(file.data, file.len, &image, &why);
    if (rc == 0)
        rc = state_image_core(&image, &core, &fx, &why);
    assert_int_equal(rc, -EINVAL);
    if (!strstr(why.data, because))
        fail_msg("not '%s' but '%s'", because, why.data);
    state_image_done(&image);
    effects_done(&fx);
}

static struct core *core_of(struct text *file)
{
    struct effects fx = {0};
    struct state_image image;
    text_auto why = {0};
    struct core *core = NULL;

    state_commit_format(file, 0, 0);
    if (state_image_read(file->data, file->len, &image, &why) < 0 ||
        state_image_core(&image, &core, &fx, &why) < 0)
        fail_msg("%s", why.data);
    state_image_done(&image);
    effects_done(&fx);
    return core;
}

/* Both files are of the same core, which has that line. */
static void assert_same_core(struct text *a, struct text *b, const char *line)
{
    struct core *one = core_of(a), *other = core_of(b);
    text_auto wanted = {0}, got = {0};

    state_format(one, &wanted);
    state_format(other, &got);
    assert_non_null(strstr(got.data, line));
    assert_string_equal(got.data, wanted.data);
    core_free(one);
    core_free(other);
}

#define MACHINE "apus-state 4\nmachine machine=[machine]%0a\n"

static void wrong_lines(void **state)
{
    refused("apus-state 1\n", "version 1");
    refused("[machine]\n", "no state of apus");
    refused("apus-state 5\n", "version 5");
    refused("apus-state 4\n", "no machine");
    refused("apus-state 4\nmachine machine=[mashine]%0a\n", "machine");
    refused(MACHINE "planet 3 x=\n", "no word");
    refused(MACHINE "mdev x uuid=\n", "numbers");
    refused(MACHINE "mdev 03 uuid=\n", "numbers");
    refused(MACHINE "card 0 256 bound=1\n", "numbers");
    refused(MACHINE "mdev 3 adapters=5\n", "other fields");
    refused(MACHINE "faults rules= last=0 more=1\n", "other fields");
    refused(MACHINE "faults rules= last=0 \n", "other fields");
    refused(MACHINE "faults rules=%2 last=0\n", "two hexadecimal digits");
    refused(MACHINE "faults rules=%2G last=0\n", "two hexadecimal digits");
    refused(MACHINE "faults rules= last=\n", "is not a number");
    refused(MACHINE "faults rules=1%203%2005.*%203%20busy%0a last=0\n", "higher number");
    refused(MACHINE "faults rules=1%209%2005.*%203%20busy%0a last=1\n", "more hits");
    refused(MACHINE "fault 1 left=3\n", "\"rule\" is missing");
    refused(MACHINE "fault 1 left=3 rule=05.*%203%20bisy\n", "unknown kind of fault");
    refused(MACHINE "fault 1 left=9 rule=05.*%203%20busy\n", "more hits");
    refused(MACHINE "fault 0 left=3 rule=05.*%203%20busy\n", "this number or a higher one");
    refused(MACHINE "fault 1 left=4294967295 rule=05.*%203%20busy\n", "more hits");
    refused(MACHINE "guest 0 name=a/b features=15 with_connection=0 mdev=4294967295\n", "guest 0");
    refused(MACHINE "guest 0 name=a%00b features=15 with_connection=0 mdev=4294967295\n", "NUL");
    refused(MACHINE "guest 0 name=a features=15 with_connection=2 mdev=4294967295\n",
            "out of range");
    refused(MACHINE "guest 0 name=a features=15 with_connection=0 mdev=5\n", "mediated device");
    refused(MACHINE "owner 1 0 path=bus mode=493 uid=0 gid=0\n", "no such tree");
    refused(MACHINE "owner 0 0 path=bus mode=4096 uid=0 gid=0\n", "out of range");
    refused(MACHINE "owner 0 0 path=bus mode=493 uid=0 gid=0\n"
                    "owner 0 1 path=bus mode=493 uid=0 gid=0\n",
            "another owner");
}

/* What version 2 wrote: all fields, and blanks between the counts. */
static void version_two(void **state)
{
    static const char lines[] =
        "mdev 0 uuid=9d4c0f6e-0000-4000-8000-000000000001 %sadapters=4 domains=5 %s"
        "guest_adapters=4 guest_domains=5%s\n"
        "adapter 4 %szeroized=0*4%s1%s7%s0*250%s\n";
    text_auto old = {0}, new = {0};

    text_addf(&old, "apus-state 2\nmachine machine=[machine]%%0a\n");
    text_addf(&old, lines, "autostart=0 ", "control_domains= ", " guest_control_domains= unbound=0",
              "checkstopped=0 ", "%20", "%20", "%20", " zeroize_due= resetting= reset_again=");
    text_addf(&new, "apus-state 4\nmachine machine=[machine]%%0a\n");
    text_addf(&new, lines, "", "", "", "", ",", ",", ",", "");
    assert_same_core(&old, &new, "zeroized=0*4,1,7,0*250\n");
}

/* What version 3 wrote: the rules are one object. They go on as many, and their changes say so, for
 * a file that cannot be written anew. */
static void version_three(void **state)
{
    static const char rules[] = "1%201%2005.*%203%20busy%0a3%20always%2006.*%20always%20full%0a";
    static const char lines[] = "faults last=4\n"
                                "fault 1 left=1 rule=05.*%203%20busy\n"
                                "fault 3 left=4294967295 rule=06.*%20always%20full\n";
    text_auto old = {0}, new = {0}, why = {0}, changed = {0};
    struct effects fx = {.want_changes = true};
    struct state_image image;
    struct core *core;

    text_addf(&old, "apus-state 3\nmachine machine=[machine]%%0a\nfaults rules=%s last=4\n", rules);
    text_addf(&new, "apus-state 4\nmachine machine=[machine]%%0a\n%s", lines);
    assert_same_core(&old, &new, lines);
    assert_int_equal(state_image_read(old.data, old.len, &image, &why), 0);
    assert_int_equal(state_image_core(&image, &core, &fx, &why), 0);
    state_changes_format(core, fx.changes, fx.change_count, &changed);
    assert_non_null(strstr(changed.data, lines));
    state_image_done(&image);
    core_free(core);
    effects_done(&fx);
}

static void one_owner(void **state)
{
    struct state *s = opened(true), *other;
    text_auto why = {0};
    bool found;

    assert_int_equal(state_open(folder, false, &other, &found, &why), -EBUSY);
    state_close(s);
    assert_int_equal(chmod(folder, 0755), 0);
    text_clear(&why);
    assert_int_equal(state_open(folder, false, &other, &found, &why), -EINVAL);
    assert_non_null(strstr(why.data, "chmod 700"));
}

static void kept_on_disk(void **state)
{
    struct world *w = *state;
    struct state *s = opened(true);
    text_auto why = {0}, wanted = {0}, got = {0};
    struct effects fx = {0};
    struct core *core;
    uint8_t secret[32], again[32], other[32] = {1};

    assert_int_equal(state_secret(s, NULL, secret, &why), 0);
    assert_int_equal(state_checkpoint(s, w->core, &why), 0);
    w->fx.want_changes = true;
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_false(state_unsynced(s));
    assert_int_equal(state_write(s, w->core, &w->fx, &why), 0);
    assert_true(state_unsynced(s));
    state_sync(s);
    assert_false(state_unsynced(s));
    state_close(s);
    s = opened(false);
    assert_int_equal(state_secret(s, NULL, again, &why), 0);
    assert_memory_equal(secret, again, 32);
    assert_int_equal(state_secret(s, other, again, &why), -EINVAL);
    text_clear(&why);
    assert_int_equal(state_load(s, &core, &fx, &why, &why), 0);
    assert_int_equal(why.len, 0);
    state_format(w->core, &wanted);
    state_format(core, &got);
    assert_string_equal(got.data, wanted.data);
    core_free(core);
    effects_done(&fx);
    state_close(s);
}

/* As a daemon does, until it is killed. */
static _Noreturn void change_and_die(struct world *w, unsigned changes)
{
    struct state *s = opened(true);
    text_auto why = {0};

    w->fx.want_changes = true;
    if (state_begin(s, w->core, &w->fx, &why, &why) < 0)
        _exit(1);
    for (unsigned i = 0; i < changes; i++) {
        char time[8];

        snprintf(time, sizeof time, "%u", 5 + i % 100);
        if (state_admit(s, w->core, &why) < 0 || put(w, "bus/ap/config_time", time) < 0 ||
            state_write(s, w->core, &w->fx, &why) < 0)
            _exit(1);
    }
    raise(SIGKILL);
    _exit(1);
}

static char last_byte(void)
{
    char path[64], byte = 1;
    FILE *f;

    in_folder("state", path);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, -1, SEEK_END), 0);
    assert_int_equal(fread(&byte, 1, 1, f), 1);
    fclose(f);
    return byte;
}

/* What was put into the window, over its end and beyond, is there when the process is killed. */
static void killed_at_the_window(void **state)
{
    struct world *w = *state;

    for (unsigned changes = 1; changes < 20000; changes = 7 * changes + 1) {
        struct effects fx = {0};
        text_auto why = {0}, bus = {0};
        struct core *core;
        pid_t child = fork();
        struct state *s;
        int status;

        if (child == 0)
            change_and_die(w, changes);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(last_byte(), '\0');
        s = opened(false);
        assert_int_equal(state_load(s, &core, &fx, &why, &why), 0);
        assert_int_equal(why.len, 0);
        state_format(core, &bus);
        text_addf(&why, " config_time=%u ", 5 + (changes - 1) % 100);
        assert_non_null(strstr(bus.data, why.data));
        text_clear(&why);
        assert_int_equal(state_begin(s, core, &fx, &why, &why), 0);
        state_close(s);
        assert_int_equal(last_byte(), '\n');
        core_free(core);
        effects_done(&fx);
        empty_folder();
    }
}

/* The check value of the standard. */
static void crc(void **state)
{
    assert_int_equal(crc32_of("123456789", 9), 0xcbf43926);
    assert_int_equal(crc32_of("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc),
        cmocka_unit_test(wrong_lines),
        cmocka_unit_test(version_two),
        cmocka_unit_test(version_three),
        cmocka_unit_test_setup_teardown(cut_at_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(begun_but_not_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bit_that_has_turned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_no_power_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_owner, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(kept_on_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(killed_at_the_window, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
