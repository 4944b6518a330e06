/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/etc.h"

/*
 * A machine's part of /etc that is kept: each start is a process in a mount namespace of its own,
 * on an /etc that the test has made.
 */

#define DIR_  "/tmp/apus-test-etc"
#define KEEP  DIR_ "/keep"
#define SPARE DIR_ "/spare"

/* The exit status of a shell command in the machine. keep as in etc.h; before changes the computer.
 */
static int in_machine(const char *before, const char *keep, const char *command)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            _exit(100);
        if (system(before) != 0 || mount(DIR_ "/etc", "/etc", NULL, MS_BIND, NULL) < 0)
            _exit(101);
        if (etc_lay_out(keep, SPARE) < 0)
            _exit(102);
        status = system(command);
        _exit(WEXITSTATUS(status));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

/* A /tmp of our own: the paths are the same in every run. */
static int set_up_all(void **state)
{
    return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                   mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0
               ? -1
               : 0;
}

static int set_up(void **state)
{
    return system("rm -rf " DIR_ "; mkdir -p -m 700 " KEEP " " SPARE " && cd " DIR_ " && "
                  "mkdir -p etc/mdevctl.d etc/udev/rules.d && echo first > etc/mdevctl.d/it");
}

static int tear_down(void **state)
{
    return system("rm -rf " DIR_);
}

static void test_a_kept_part_is_there_again(void **state)
{
    assert_int_equal(in_machine("true", KEEP,
                                "cat /etc/mdevctl.d/it > /etc/modprobe.d/new && "
                                "rm /etc/mdevctl.d/it && grep -q first /etc/modprobe.d/new"),
                     0);
    /* What changes on the computer later does not change the machine. */
    assert_int_equal(in_machine("echo second > " DIR_ "/etc/mdevctl.d/two", KEEP,
                                "test -z \"$(ls /etc/mdevctl.d)\" && grep -q first "
                                "/etc/modprobe.d/new"),
                     0);
    assert_int_equal(access(DIR_ "/etc/mdevctl.d/it", F_OK), 0);
    assert_int_equal(access(DIR_ "/etc/modprobe.d", F_OK), -1);
    assert_int_equal(system("test \"$(ls -A " SPARE ")\" = ''"), 0);
}

static void test_an_unfinished_copy_is_made_anew(void **state)
{
    assert_int_equal(in_machine("mkdir -p " KEEP "/mdevctl.d.new/deep && touch " KEEP
                                "/mdevctl.d.new/half " KEEP "/mdevctl.d.new/deep/x",
                                KEEP, "test \"$(ls /etc/mdevctl.d)\" = it"),
                     0);
    assert_int_equal(access(KEEP "/mdevctl.d.new", F_OK), -1);
}

static void test_in_memory_nothing_is_kept(void **state)
{
    assert_int_equal(in_machine("true", NULL, "echo x > /etc/modprobe.d/new"), 0);
    assert_int_equal(in_machine("true", NULL, "test \"$(ls /etc/modprobe.d)\" = apus.conf"), 0);
    assert_int_equal(access(DIR_ "/etc/modprobe.d", F_OK), -1);
}

static void test_a_place_that_is_not_there(void **state)
{
    assert_int_equal(in_machine("true", DIR_ "/missing", "true"), 102);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_kept_part_is_there_again),
        T(test_an_unfinished_copy_is_made_anew),
        T(test_in_memory_nothing_is_kept),
        T(test_a_place_that_is_not_there),
    };

    if (geteuid() != 0) {
        fputs("needs root to mount\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up_all, NULL);
}
