/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

/* Awkward callers: memory that does not answer, signals, death. */

char *adverse_fault_page(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register reg = {.range = {(uintptr_t)page, 4096},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
        fail("userfaultfd: %s", strerrorname_np(errno));
    return page;
}

/* An operand, or the result, is in memory that is never populated. */
int command_fault(int fd, int result)
{
    struct operation o;
    struct modexpo me;
    struct crt crt;
    char *page = adverse_fault_page();

    operation_me(&o, 1024, 1);
    operation_fill(&o, &me, &crt);
    if (result)
        me.outputdata = page;
    else
        me.inputdata = page;
    puts("waits");
    fflush(stdout);
    ioctl(fd, ICARSAMODEXPO, &me);
    printf("ended %s\n", strerrorname_np(errno));
    return 0;
}

/* The result goes to a page that has never been touched, so that the write has to wait. */
int command_fresh(int fd)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct operation o;
    struct modexpo me;
    struct crt crt;

    operation_me(&o, 512, 1);
    operation_fill(&o, &me, &crt);
    me.outputdata = page;
    printf("ioctl %s\n", ioctl(fd, ICARSAMODEXPO, &me) ? strerrorname_np(errno) : "0");
    return 0;
}

/* An operand is in a file of the same file system, which the daemon itself would have to read, at
 * an address where a valid operand has just been. */
int command_own_file(int fd, const char *path)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file = open(path, O_RDONLY);
    struct operation o;
    struct modexpo me;
    struct crt crt;

    operation_me(&o, 512, 1);
    operation_fill(&o, &me, &crt);
    memcpy(page, me.inputdata, me.inputdatalength);
    me.inputdata = page;
    printf("before %s\n", ioctl(fd, ICARSAMODEXPO, &me) ? strerrorname_np(errno) : "0");
    if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED) {
        printf("map %s\n", strerrorname_np(errno));
        return 0;
    }
    printf("ioctl %s\n", ioctl(fd, ICARSAMODEXPO, &me) ? strerrorname_np(errno) : "0");
    return 0;
}

static void on_alarm(int number)
{
}

static void hog(const char *node, unsigned count, pid_t *pids)
{
    struct operation o;

    operation_crt(&o, 4096);
    for (unsigned i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int fd = open(node, O_RDWR);

            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                operation_run(fd, &o);
        }
    }
}

/* With SA_RESTART no request fails for a signal. */
static void signals_restart(int fd, unsigned count)
{
    struct itimerval timer = {{0, 2000}, {0, 2000}}, off = {0};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct operation o;

    operation_crt(&o, 1024);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned i = 0; i < count; i++) {
        int err = operation_run(fd, &o);

        if (err)
            fail("CRT with SA_RESTART: %s", strerrorname_np(err));
    }
    setitimer(ITIMER_REAL, &off, NULL);
}

/* Requests that signals cut short end with EINTR or right, and so does what follows. Then all that
 * compute beside them are killed in the middle of their requests. */
int command_signals(const char *node, unsigned count)
{
    struct itimerval timer = {{0, 3000}, {0, 3000}}, off = {0};
    struct sigaction action = {.sa_handler = on_alarm};
    unsigned right = 0, interrupted = 0;
    int fd = open(node, O_RDWR);
    struct operation o;
    pid_t pids[16];

    operation_crt(&o, 2048);
    hog(node, 16, pids);
    usleep(50000);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned i = 0; i < count; i++) {
        int err = operation_run(fd, &o);

        if (err && err != EINTR)
            fail("CRT: %s", strerrorname_np(err));
        right += err == 0;
        interrupted += err == EINTR;
    }
    setitimer(ITIMER_REAL, &off, NULL);
    if (operation_run(fd, &o))
        fail("CRT afterwards: %s", strerrorname_np(errno));
    for (unsigned i = 0; i < 16; i++)
        kill(pids[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    signals_restart(fd, count);
    printf("right %u\ninterrupted %u\n", right, interrupted);
    return 0;
}

int command_signals_restart(int fd, unsigned count)
{
    signals_restart(fd, count);
    printf("right %u\n", count);
    return 0;
}

static volatile sig_atomic_t handled;

static void on_user(int number)
{
    handled = 1;
}

/* One ioctl, and a handler for SIGUSR1. */
int command_signals_once(int fd)
{
    struct sigaction action = {.sa_handler = on_user};
    struct operation o;
    int err;

    sigaction(SIGUSR1, &action, NULL);
    operation_me(&o, 512, 1);
    err = operation_run(fd, &o);
    printf("ioctl %s\nhandled %d\n", err ? strerrorname_np(err) : "0", (int)handled);
    return 0;
}
