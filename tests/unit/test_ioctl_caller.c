/* SPDX-License-Identifier: MIT */
/* Whose memory it is: a program that takes over the number of a caller that was checked already. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ioctl/caller.h"

#define PAGE   4096u
#define WHERE  ((char *)0x500000000000) /* free, also of what sanitizers take */
#define CALLER "the caller's own"
#define VICTIM "another program's"

/* A child with the page that a parent writes to and reads from; it becomes another program with
 * such a page when it is told to. */
static struct child {
    pid_t pid;
    int orders[2], news[2];
} child;

static unsigned asked;
static bool dies;

static char wait_for_order(int in)
{
    char order = 0;

    return read(in, &order, 1) == 1 ? order : 'q';
}

static void tell(int out, char news)
{
    if (write(out, &news, 1) != 1)
        _exit(3);
}

static char *map_at(unsigned number, int protection, int sharing)
{
    char *at = WHERE + number * PAGE;

    if (mmap(at, PAGE, protection, sharing | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at)
        _exit(4);
    return at;
}

static char *map_page(const char *text)
{
    char *page = map_at(0, PROT_READ | PROT_WRITE, MAP_PRIVATE);

    map_at(2, PROT_READ, MAP_PRIVATE);
    map_at(3, PROT_READ | PROT_WRITE, MAP_SHARED);
    map_at(4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    strcpy(page, text);
    return page;
}

/* The program after execve: tells what its page holds in the end. */
static int be_victim(void)
{
    char *page;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    page = map_page(VICTIM);
    tell(STDOUT_FILENO, 'x');
    wait_for_order(STDIN_FILENO);
    tell(STDOUT_FILENO, strcmp(page, VICTIM) == 0 ? 'o' : 'h');
    return 0;
}

static _Noreturn void be_caller(void)
{
    char *args[] = {"victim", NULL};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(child.orders[0], STDIN_FILENO);
    dup2(child.news[1], STDOUT_FILENO);
    map_page(CALLER);
    tell(STDOUT_FILENO, 'r');
    if (wait_for_order(STDIN_FILENO) == 'x')
        execv("/proc/self/exe", args);
    _exit(5);
}

static int start_child(void **state)
{
    if (pipe(child.orders) < 0 || pipe(child.news) < 0)
        return -1;
    child.pid = fork();
    if (child.pid == 0)
        be_caller();
    close(child.orders[0]);
    close(child.news[1]);
    asked = 0;
    dies = false;
    return wait_for_order(child.news[0]) == 'r' ? 0 : -1;
}

static int end_child(void **state)
{
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    close(child.orders[1]);
    close(child.news[0]);
    return 0;
}

/* Says that the caller waits, which was true when it was asked; before the answer arrives all has
 * changed. */
static bool waits(int line, uint64_t id)
{
    assert_int_equal(line, 7);
    assert_int_equal(id, 9);
    if (!dies)
        return true;
    if (asked++)
        return false;
    tell(child.orders[1], 'x');
    assert_int_equal(wait_for_order(child.news[0]), 'x');
    return true;
}

static struct caller caller_of(bool careful)
{
    return (struct caller){child.pid, waits, 7, 9, careful};
}

static void test_read_and_write(void **state)
{
    for (int careful = 0; careful < 2; careful++) {
        struct caller c = caller_of(careful);
        struct iovec remote[] = {{WHERE, 4}, {WHERE + 100, 3}};
        struct iovec local[] = {{"new ", 4}, {"abc", 3}};
        char out[7];

        assert_int_equal(caller_write(&c, remote, local, 2), 0);
        assert_int_equal(caller_read(&c, remote, 2, out, sizeof out), 0);
        assert_memory_equal(out, "new abc", 7);
        remote[1].iov_base = WHERE + PAGE;
        assert_int_equal(caller_write(&c, remote, local, 2), -EFAULT);
        assert_int_equal(caller_read(&c, remote, 2, out, sizeof out), -EFAULT);
        remote[1].iov_base = (void *)(UINTPTR_MAX - 1);
        assert_int_equal(caller_write(&c, remote, local, 2), -EFAULT);
        remote[1].iov_base = WHERE + PAGE - 2;
        assert_int_equal(caller_write(&c, remote, local, 2), -EFAULT);
        remote[1].iov_base = WHERE + 2 * PAGE; /* can only be read */
        assert_int_equal(caller_write(&c, remote, local, 2), -EFAULT);
        assert_int_equal(caller_read(&c, &remote[1], 1, out, 3), 0);
        remote[1].iov_base = WHERE + 4 * PAGE - 2; /* goes on in the next mapping */
        assert_int_equal(caller_write(&c, remote, local, 2), 0);
    }
}

static void test_nobody(void **state)
{
    struct iovec remote = {WHERE, 4}, local = {"new ", 4};
    char out[4];

    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    for (int careful = 0; careful < 2; careful++) {
        struct caller c = caller_of(careful);

        assert_int_equal(caller_write(&c, &remote, &local, 1), -ESRCH);
        assert_int_equal(caller_read(&c, &remote, 1, out, sizeof out), -ESRCH);
    }
}

static void test_other_program_is_not_written(void **state)
{
    struct caller c = caller_of(true);
    struct iovec remote = {WHERE, 4}, local = {"hit!", 4};

    dies = true;
    assert_int_equal(caller_write(&c, &remote, &local, 1), -EFAULT);
    tell(child.orders[1], 'q');
    assert_int_equal(wait_for_order(child.news[0]), 'o');
}

static void test_other_program_is_not_read(void **state)
{
    struct caller c = caller_of(true);
    struct iovec remote = {WHERE, sizeof VICTIM};
    char out[sizeof VICTIM];

    dies = true;
    assert_int_equal(caller_read(&c, &remote, 1, out, sizeof out), -ENODEV);
    assert_string_not_equal(out, VICTIM);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_and_write, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_nobody, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_other_program_is_not_written, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_other_program_is_not_read, start_child, end_child),
    };

    if (strcmp(argv[0], "victim") == 0)
        return be_victim();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
