/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state_folder.h"

/* State directories on a full disk. */

/* The file may grow no further: refused before anything has happened, and accepted again later. */
static void no_room(void **state)
{
    struct world *w = *state;
    struct state *s = opened(true);
    struct rlimit old, small = {65536, RLIM_INFINITY};
    text_auto why = {0};

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(state_checkpoint(s, w->core, &why), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(state_admit(s, w->core, &why), -EFBIG);
    assert_non_null(strstr(why.data, folder));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    text_clear(&why);
    assert_int_equal(state_admit(s, w->core, &why), 0);
    state_close(s);
}

/* The room that is missing is the file's own: it is written anew, whatever it was to grow to. */
static void full_of_changes(void **state)
{
    const struct rlimit small = {1536 * 1024, RLIM_INFINITY};
    struct world *w = *state;
    struct state *s = opened(true);
    struct rlimit old;
    text_auto why = {0};
    char path[64];
    struct stat st;

    signal(SIGXFSZ, SIG_IGN);
    w->fx.want_changes = true;
    assert_int_equal(state_checkpoint(s, w->core, &why), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (unsigned i = 0; i < 20000; i++) {
        assert_int_equal(state_admit(s, w->core, &why), 0);
        assert_int_equal(put(w, "bus/ap/apmask", i % 2 ? "+5" : "-5"), 0);
        assert_int_equal(state_write(s, w->core, &w->fx, &why), 0);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    state_close(s);
    in_folder("state", path);
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 1, small.rlim_cur);
}

/* What could not be written comes with what is written next. */
static void made_up_for(void **state)
{
    struct world *w = *state;
    struct state *s = opened(true);
    struct rlimit old, small = {1, RLIM_INFINITY};
    text_auto why = {0}, wanted = {0}, got = {0};
    struct effects fx = {0};
    struct core *core;

    signal(SIGXFSZ, SIG_IGN);
    w->fx.want_changes = true;
    assert_int_equal(state_checkpoint(s, w->core, &why), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(state_write(s, w->core, &w->fx, &why), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(put(w, "bus/ap/config_time", "99"), 0);
    text_clear(&why);
    assert_int_equal(state_write(s, w->core, &w->fx, &why), 0);
    state_close(s);
    s = opened(false);
    assert_int_equal(state_load(s, &core, &fx, &why, &why), 0);
    state_format(w->core, &wanted);
    state_format(core, &got);
    assert_string_equal(got.data, wanted.data);
    core_free(core);
    effects_done(&fx);
    state_close(s);
}

/* The nth call that takes room fails, once; a write may put half of its bytes before that. */
static struct {
    unsigned nth;
    bool half;
} room;

static bool is_full_now(void)
{
    return room.nth && --room.nth == 0;
}

static int full(void)
{
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (is_full_now()) {
        if (!room.half || len < 2)
            return full();
        room.nth = 1;
        len /= 2;
    }
    return syscall(SYS_pwrite64, fd, data, len, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return is_full_now() ? full() : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int fsync(int fd)
{
    return is_full_now() ? full() : (int)syscall(SYS_fsync, fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return is_full_now() ? full() : (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

/* What a daemon's clients know of it, and whether the call that was to fail was there. */
struct told {
    char state[65536]; /* the acknowledged one */
    bool met;
};

static void tell(const struct world *w, struct told *told)
{
    text_auto text = {0};

    state_format(w->core, &text);
    assert_in_range(text.len, 1, sizeof told->state - 1);
    strcpy(told->state, text.data);
}

/* As a daemon does until it is killed, or cannot write what it has carried out. What is refused is
 * tried again, when there is room. */
static _Noreturn void live_without_room(struct world *w, bool is_new, unsigned nth, bool half,
                                        struct told *told)
{
    struct state *s = opened(is_new);
    text_auto why = {0};

    w->fx.want_changes = true;
    if (!is_new && state_load(s, &w->core, &w->fx, &why, &why) < 0)
        _exit(1);
    room.nth = nth;
    room.half = half;
    if (state_begin(s, w->core, &w->fx, &why, &why) < 0 &&
        state_begin(s, w->core, &w->fx, &why, &why) < 0)
        _exit(1);
    tell(w, told);
    for (unsigned i = 0; i < 8; i++) {
        const char *const values[] = {"-5\n", "+5\n"};
        char time[8];

        snprintf(time, sizeof time, "%u\n", 20 + i);
        if (i == 4)
            state_checkpoint(s, w->core, &why);
        if (state_admit(s, w->core, &why) < 0 && state_admit(s, w->core, &why) < 0)
            _exit(1);
        if ((i & 1 ? put(w, "bus/ap/apmask", values[i / 2 & 1])
                   : put(w, "bus/ap/config_time", time)) < 0)
            _exit(1);
        if (state_write(s, w->core, &w->fx, &why) < 0)
            break;
        tell(w, told);
    }
    told->met = !room.nth;
    raise(SIGKILL);
    _exit(1);
}

static void one_life(struct world *w, bool is_new, unsigned nth, bool half, struct told *told)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        live_without_room(w, is_new, nth, half, told);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void assert_kept(const struct told *told)
{
    struct effects fx = {0};
    text_auto why = {0}, got = {0};
    struct state *s = opened(false);
    struct core *core;

    if (state_load(s, &core, &fx, &why, &why) < 0)
        fail_msg("%s", why.data);
    state_format(core, &got);
    assert_string_equal(got.data, told->state);
    state_close(s);
    core_free(core);
    effects_done(&fx);
}

/* Whichever call finds the disk full, of a new directory or one that is there: what was
 * acknowledged is kept, and nothing else. */
static void full_at_each_call(void **state)
{
    struct told *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(told, MAP_FAILED);
    for (unsigned way = 0; way < 4; way++) {
        unsigned nth = 0;

        do {
            if (way & 1)
                one_life(*state, true, 0, false, told);
            one_life(*state, !(way & 1), ++nth, way & 2, told);
            assert_kept(told);
            empty_folder();
        } while (told->met);
        assert_in_range(nth, 8, 1000);
    }
    munmap(told, sizeof *told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_room, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(full_of_changes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(made_up_for, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(full_at_each_call, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
