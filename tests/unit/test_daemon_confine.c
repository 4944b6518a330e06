/* SPDX-License-Identifier: MIT */
/* What a confined process can no longer do. Each filter is loaded in a child, which it stays with.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/confine.h"
#include "rights/keep.h"
#include "thread/thread.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

typedef int deed(void);

/* The status of a child that does it under a filter: 0 or an errno; 256 + n: by signal n. */
static int outcome(enum filter_action action, bool nodes, deed *what)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int rc = filter_load(action, nodes, false);

        _exit(rc < 0 ? -rc : what());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define KILLED (256 + SIGSYS)

static int add_key(void)
{
    return syscall(SYS_add_key, NULL, NULL, NULL, 0, 0) < 0 ? errno : 0;
}

static int change_root(void)
{
    return chroot("/") < 0 ? errno : 0;
}

static int place_mount(void)
{
    return mount("/nowhere", "/nowhere", NULL, MS_BIND, NULL) < 0 ? errno : 0;
}

static void *nothing(void *data)
{
    return data;
}

static int start_thread(void)
{
    pthread_t thread;
    int rc = thread_start("thread", nothing, NULL, &thread);

    return rc < 0 ? -rc : pthread_join(thread, NULL);
}

static int work(void)
{
    char byte;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), pair[2];

    if (fd < 0 || read(fd, &byte, 1) != 1 || close(fd) < 0)
        return errno;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? errno : start_thread();
}

static int gain(void)
{
    return prctl(PR_SET_NAME, "renamed") < 0 ? errno : 0;
}

static void test_what_no_daemon_does_ends_it(void **state)
{
    assert_int_equal(outcome(FILTER_KILL, false, add_key), KILLED);
    assert_int_equal(outcome(FILTER_KILL, true, change_root), KILLED);
    assert_int_equal(outcome(FILTER_KILL, false, place_mount), KILLED);
}

static void test_what_it_does_goes_on(void **state)
{
    assert_int_equal(outcome(FILTER_KILL, false, work), 0);
    assert_int_equal(outcome(FILTER_KILL, false, gain), 0);
    assert_in_range(outcome(FILTER_KILL, true, place_mount), EPERM, ENOENT);
}

static void test_log_and_off_let_it_happen(void **state)
{
    int without = add_key();

    assert_int_not_equal(without, 0);
    assert_int_equal(outcome(FILTER_LOG, false, add_key), without);
    assert_int_equal(outcome(FILTER_OFF, false, add_key), without);
}

static int fork_child(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    return child < 0 ? errno : 0;
}

static int execute(void)
{
    char *argv[] = {"true", NULL};

    return execv("/bin/true", argv) < 0 ? errno : 0;
}

static int reach_network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int trace(void)
{
    return prctl(PR_SET_DUMPABLE, 1) < 0 ? errno : 0;
}

/* Sanitizers look for leaks from a process of their own, so their build may do these. */
static void test_no_process_no_program_no_network(void **state)
{
    if (SANITIZED)
        skip();
    assert_int_equal(outcome(FILTER_KILL, true, fork_child), KILLED);
    assert_int_equal(outcome(FILTER_KILL, true, execute), KILLED);
    assert_int_equal(outcome(FILTER_KILL, true, reach_network), KILLED);
    assert_int_equal(outcome(FILTER_KILL, true, trace), KILLED);
}

static int field(const char *path, const char *name, const char *format, uint64_t *out)
{
    char line[256];
    FILE *file = fopen(path, "r");
    int found = 0;

    while (file && !found && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            found = sscanf(line + strlen(name), format, out);
    if (file)
        fclose(file);
    return found;
}

static void *capabilities(void *out)
{
    field("/proc/thread-self/status", "CapPrm:", "%lx", out);
    return NULL;
}

/* Root's thread can look at other programs, and nothing more; capabilities are each thread's own.
 */
static void test_threads_have_no_rights_of_their_own(void **state)
{
    uint64_t before = 0, thread_has = UINT64_MAX, after = 0;
    pthread_t thread;

    capabilities(&before);
    assert_int_equal(thread_start("thread", capabilities, &thread_has, &thread), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    capabilities(&after);
    assert_int_equal(thread_has, before & RIGHTS_CALLERS);
    assert_int_equal(after, before);
}

static int keep_and_regain(void)
{
    uint64_t before = 0, had = 0;

    capabilities(&before);
    if (rights_keep(RIGHT(CAP_DAC_OVERRIDE)) < 0 || rights_keep(UINT64_MAX) < 0)
        return EIO;
    capabilities(&had);
    return had == (before & RIGHT(CAP_DAC_OVERRIDE)) ? 0 : EPERM;
}

static void test_what_is_given_up_is_gone(void **state)
{
    assert_int_equal(outcome(FILTER_OFF, false, keep_and_regain), 0);
}

/* The flags of the pages at an address, as in "rd wr lo dd wf". */
static void flags_of(const void *at, char out[256])
{
    char line[512], start[32];
    bool here = false;
    FILE *file = fopen("/proc/self/smaps", "r");

    assert_non_null(file);
    snprintf(start, sizeof start, "%08lx-", (unsigned long)at);
    *out = '\0';
    while (!*out && fgets(line, sizeof line, file)) {
        here |= strncmp(line, start, strlen(start)) == 0;
        if (here && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(out, 256, "%.255s", line + 8);
    }
    fclose(file);
}

static void test_keys_are_in_memory_of_their_own(void **state)
{
    bool locked = false;
    uint8_t *keys = confine_keys_new(5000, &locked);
    char flags[256];
    int status;
    pid_t child;

    assert_non_null(keys);
    assert_true(locked);
    flags_of(keys, flags);
    if (!SANITIZED) /* which ignore mlock(2) */
        assert_non_null(strstr(flags, " lo"));
    assert_non_null(strstr(flags, " dd"));
    assert_non_null(strstr(flags, " wf"));
    memset(keys, 0xa5, 5000);
    child = fork();
    if (child == 0)
        _exit(keys[0] | keys[4999]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(keys[4999], 0xa5);
    confine_keys_free(keys, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_no_daemon_does_ends_it),
        cmocka_unit_test(test_what_it_does_goes_on),
        cmocka_unit_test(test_log_and_off_let_it_happen),
        cmocka_unit_test(test_no_process_no_program_no_network),
        cmocka_unit_test(test_threads_have_no_rights_of_their_own),
        cmocka_unit_test(test_what_is_given_up_is_gone),
        cmocka_unit_test(test_keys_are_in_memory_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
