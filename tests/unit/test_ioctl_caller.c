/* SPDX-License-Identifier: MIT */
/* A process that reuses the number of a caller that was already checked. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ioctl/caller.h"

#define PAGE 4096u
#define WHERE                                                                                      \
    ((char *)0x10000000) /* not in use, and an address that all sanitizers leave to programs */
#define CALLER "the caller's own"
#define VICTIM "another program's"

/* A child with a page that the parent writes to and reads from. On request it executes another
 * program with such a page. */
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
    map_at(5, PROT_NONE, MAP_PRIVATE);
    strcpy(page, text);
    return page;
}

/* The program after execve: finally prints the content of its page. */
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

/* Reports that the caller waits, which was true when it was asked; everything changes before the
 * answer arrives. */
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

static struct caller_piece piece(size_t offset, size_t len, void *here)
{
    return (struct caller_piece){(uintptr_t)WHERE + offset, len, here};
}

static void test_read_and_write(void **state)
{
    for (int careful = 0; careful < 2; careful++) {
        struct caller c = caller_of(careful);
        char new[] = "new ", abc[] = "abc", out[7];
        struct caller_piece w[] = {piece(0, 4, new), piece(100, 3, abc)};
        struct caller_piece r[] = {piece(0, 4, out), piece(100, 3, out + 4)};

        assert_int_equal(caller_write(&c, w, 2), 0);
        assert_int_equal(caller_read(&c, r, 2), 0);
        assert_memory_equal(out, "new abc", 7);
        r[1].address = w[1].address = (uintptr_t)WHERE + PAGE;
        assert_int_equal(caller_write(&c, w, 2), -EFAULT);
        assert_int_equal(caller_read(&c, r, 2), -EFAULT);
        r[1].address = w[1].address = UINTPTR_MAX - 1;
        assert_int_equal(caller_write(&c, w, 2), -EFAULT);
        assert_int_equal(caller_read(&c, r, 2), -EFAULT);
        w[1].address = (uintptr_t)WHERE + PAGE - 2;
        assert_int_equal(caller_write(&c, w, 2), -EFAULT);
        r[1].address = w[1].address = (uintptr_t)WHERE + 2 * PAGE; /* read-only */
        assert_int_equal(caller_write(&c, w, 2), -EFAULT);
        assert_int_equal(caller_read(&c, &r[1], 1), 0);
        w[1].address = (uintptr_t)WHERE + 4 * PAGE - 2; /* continues in the next mapping */
        assert_int_equal(caller_write(&c, w, 2), 0);
    }
}

/* Pieces that are read as one range: in any order, across a page boundary, nested. */
static void test_pieces_close_together(void **state)
{
    struct caller c = caller_of(false);
    const size_t at = 4 * PAGE - 4; /* two adjacent mappings */
    char text[] = "0123456789", out[16] = "", nothing = 'n';
    struct caller_piece w = piece(at, 10, text);
    struct caller_piece r[] = {piece(at + 7, 3, out), piece(at, 2, out + 3),
                               piece(at + 1, 8, out + 5), piece(0, 0, &nothing),
                               piece(at + 3, 2, out + 13)};

    assert_int_equal(caller_write(&c, &w, 1), 0);
    assert_int_equal(caller_read(&c, r, 5), 0);
    assert_memory_equal(out, "789011234567834", 15);
    assert_int_equal(nothing, 'n');
    /* The gaps are read only on pages that a piece touches. */
    r[0] = piece(0, 3, out);
    r[2] = piece(2 * PAGE, 1, out + 5);
    assert_int_equal(caller_read(&c, r, 5), 0);
    assert_memory_equal(out, CALLER, 3);
    assert_memory_equal(out + 3, "01", 2);
}

static void test_nobody(void **state)
{
    char new[] = "new ";
    struct caller_piece p = piece(0, 4, new);

    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    for (int careful = 0; careful < 2; careful++) {
        struct caller c = caller_of(careful);

        assert_int_equal(caller_write(&c, &p, 1), -ESRCH);
        assert_int_equal(caller_read(&c, &p, 1), -ESRCH);
    }
}

static void test_other_program_is_not_written(void **state)
{
    struct caller c = caller_of(true);
    char hit[] = "hit!";
    struct caller_piece p = piece(0, 4, hit);

    dies = true;
    assert_int_equal(caller_write(&c, &p, 1), -EFAULT);
    tell(child.orders[1], 'q');
    assert_int_equal(wait_for_order(child.news[0]), 'o');
}

static void test_other_program_is_not_read(void **state)
{
    struct caller c = caller_of(true);
    char out[sizeof VICTIM];
    struct caller_piece p = piece(0, sizeof VICTIM, out);

    dies = true;
    assert_int_equal(caller_read(&c, &p, 1), -ENODEV);
    assert_string_not_equal(out, VICTIM);
}

/* As the filter of a container without CAP_SYS_PTRACE; for the rest of this process's life. */
static void forbid(int error)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof code / sizeof *code, (struct sock_filter *)code};

    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static int forbid_eperm(void **state)
{
    forbid(EPERM);
    return 0;
}

static void test_memory_that_may_not_be_read(void **state)
{
    struct caller c = caller_of(false);
    char byte, out[8];
    struct caller_piece p[] = {piece(0, 1, &byte), piece(5 * PAGE, 8, out)};

    assert_int_equal(caller_read(&c, p, 1), 0);
    assert_int_equal(caller_read(&c, p, 2), -EFAULT);
}

static void test_probe(void **state)
{
    assert_int_equal(caller_probe(child.pid), 0);
}

/* That we have no descriptors left says nothing of the caller. */
static void test_no_descriptors(void **state)
{
    struct rlimit was, limit;
    struct stat st;

    assert_int_equal(fstat(child.orders[1], &st), 0);
    assert_int_equal(caller_check_file(getpid(), st.st_ino), 0);
    assert_int_equal(caller_check_file(getpid(), 1), -EOPNOTSUPP);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    limit = (struct rlimit){3, was.rlim_max};
    for (rlim_t left = 0; left < 2; left++) {
        int free_fd = dup(0);

        close(free_fd);
        limit.rlim_cur = (rlim_t)free_fd + left;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(caller_check_file(getpid(), st.st_ino), -EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_and_write, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_pieces_close_together, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_memory_that_may_not_be_read, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_probe, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_nobody, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_other_program_is_not_written, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_other_program_is_not_read, start_child, end_child),
        cmocka_unit_test_setup_teardown(test_no_descriptors, start_child, end_child),
    };

    if (strcmp(argv[0], "victim") == 0)
        return be_victim();
    return cmocka_run_group_tests(tests, NULL, NULL) +
           cmocka_run_group_tests_name("process_vm_readv forbidden", tests, forbid_eperm, NULL);
}
