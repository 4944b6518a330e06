/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

/* Malicious callers: forged structures, memory that changes while it is read, crowds, callers that
 * vanish. */

#define PAGE        4096u
#define ERRNOS      256
#define STACK_BYTES 65536u

static unsigned counts[ERRNOS];

static void count_result(int rc)
{
    counts[rc ? errno % ERRNOS : 0]++;
}

static int print_counts(void)
{
    for (int i = 0; i < ERRNOS; i++)
        if (counts[i])
            printf("%s %u\n", i ? strerrorname_np(i) : "0", counts[i]);
    return 0;
}

/* A usable page with none after it. */
static uint8_t *page_with_end(int protection)
{
    uint8_t *pages =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_NONE) ||
        mprotect(pages, PAGE, protection))
        fail("memory: %s", strerrorname_np(errno));
    return pages;
}

struct forge {
    uint64_t pointers[12];
    unsigned seed;
};

static uint64_t forged_pointer(struct forge *f)
{
    return f->pointers[(unsigned)rand_r(&f->seed) % (sizeof f->pointers / sizeof *f->pointers)];
}

static uint32_t forged_length(struct forge *f)
{
    static const uint32_t lengths[] = {0,          1,          16,   128,   129,        256,
                                       512,        513,        4096, 65536, 0x7fffffff, 0x80000000,
                                       0xfffffff8, 0xffffffff, 0xdc, 220,   256,        512};

    return lengths[(unsigned)rand_r(&f->seed) % (sizeof lengths / sizeof *lengths)];
}

static void forge_rsa(struct forge *f, struct crt *c)
{
    uint64_t v[5];

    for (unsigned i = 0; i < 5; i++)
        v[i] = forged_pointer(f);
    c->inputdata = (void *)forged_pointer(f);
    c->inputdatalength = forged_length(f);
    c->outputdata = (void *)forged_pointer(f);
    c->outputdatalength = rand_r(&f->seed) % 2 ? c->inputdatalength : forged_length(f);
    memcpy(&c->bp_key, v, sizeof v);
}

static void forge_xcrb(struct forge *f, struct xcrb *x)
{
    x->agent_ID = rand_r(&f->seed) % 2 ? 0x4341 : (uint16_t)rand_r(&f->seed);
    x->user_defined = rand_r(&f->seed) % 2 ? UINT32_MAX : forged_length(f);
    x->request_control_blk_length = forged_length(f);
    x->request_control_blk_addr = (void *)forged_pointer(f);
    x->request_data_length = forged_length(f);
    x->request_data_address = (void *)forged_pointer(f);
    x->reply_control_blk_length = forged_length(f);
    x->reply_control_blk_addr = (void *)forged_pointer(f);
    x->reply_data_length = forged_length(f);
    x->reply_data_addr = (void *)forged_pointer(f);
}

static void forge_urb(struct forge *f, struct urb *u)
{
    u->targets_num = (uint16_t)forged_length(f);
    u->targets = forged_pointer(f);
    u->req_len = rand_r(&f->seed) % 4 ? forged_length(f) : forged_pointer(f);
    u->req = forged_pointer(f);
    u->resp_len = rand_r(&f->seed) % 4 ? forged_length(f) : forged_pointer(f);
    u->resp = forged_pointer(f);
}

/* Structures that contain only traps. */
int command_forge(int fd, unsigned count)
{
    uint8_t *good = page_with_end(PROT_READ | PROT_WRITE), *sealed = page_with_end(PROT_READ);
    uint8_t *at_end = page_with_end(PROT_READ | PROT_WRITE) + PAGE - 64;
    struct forge f = {{(uintptr_t)good, (uintptr_t)good + 1000, (uintptr_t)at_end,
                       (uintptr_t)sealed, (uintptr_t)good + PAGE, 0, 8, UINT64_MAX,
                       UINT64_MAX - 200, 0xffff888000000000u, 0x8000000000000000u, (uintptr_t)good},
                      1};
    const unsigned numbers[] = {ICARSAMODEXPO, ICARSACRT, ZSECSENDCPRB, ZSENDEP11CPRB};

    for (unsigned i = 0; i < count; i++) {
        union {
            struct crt crt;
            struct xcrb xcrb;
            struct urb urb;
            uint8_t bytes[96];
        } s = {0};
        unsigned kind = (unsigned)rand_r(&f.seed) % 4;

        if (kind < 2)
            forge_rsa(&f, &s.crt);
        else if (kind == 2)
            forge_xcrb(&f, &s.xcrb);
        else
            forge_urb(&f, &s.urb);
        if (rand_r(&f.seed) % 16 == 0)
            count_result(ioctl(fd, numbers[kind], forged_pointer(&f)));
        else
            count_result(ioctl(fd, numbers[kind], &s));
    }
    return print_counts();
}

struct flip {
    struct modexpo me, sound;
    atomic_bool stop;
};

/* Changes the request while the other thread issues it. */
static void *flip(void *data)
{
    static const uint32_t lengths[] = {0, 64, 128, 4096, 0xffffffff};
    struct flip *f = data;
    unsigned seed = 2;

    while (!f->stop) {
        volatile struct modexpo *me = &f->me;
        unsigned r = (unsigned)rand_r(&seed);

        me->inputdatalength = r % 2 ? f->sound.inputdatalength : lengths[r / 2 % 5];
        me->outputdatalength = r % 3 ? f->sound.outputdatalength : lengths[r / 3 % 5];
        me->inputdata = r % 5 ? f->sound.inputdata : (void *)(uintptr_t)r;
        me->outputdata = r % 7 ? f->sound.outputdata : (void *)(uintptr_t)r;
    }
    return NULL;
}

int command_flip(int fd, unsigned count)
{
    struct flip f = {0};
    uint8_t *end = page_with_end(PROT_READ | PROT_WRITE) + PAGE;
    struct operation o;
    struct crt crt;
    pthread_t thread;

    operation_me(&o, 1024, 1);
    operation_fill(&o, &f.sound, &crt);
    f.sound.outputdata = end - 128; /* a byte more would be EFAULT */
    f.me = f.sound;
    pthread_create(&thread, NULL, flip, &f);
    for (unsigned i = 0; i < count; i++)
        count_result(ioctl(fd, ICARSAMODEXPO, &f.me));
    f.stop = true;
    pthread_join(thread, NULL);
    return print_counts();
}

struct crowd {
    int fd;
    atomic_uint right, wrong;
};

static void *crowd_one(void *data)
{
    struct crowd *c = data;
    struct operation o;

    operation_me(&o, 512, 1);
    if (operation_run(c->fd, &o) == 0)
        c->right++;
    else
        c->wrong++;
    return NULL;
}

/* That many threads at once, with one request each. */
int command_crowd(int fd, unsigned count)
{
    struct crowd c = {.fd = fd};
    pthread_t *threads = calloc(count, sizeof *threads);
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 4 * STACK_BYTES);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], &attr, crowd_one, &c))
            fail("a thread more than %u cannot be had", i);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("right %u\nwrong %u\n", (unsigned)c.right, (unsigned)c.wrong);
    free(threads);
    return 0;
}

struct hoard {
    int fd;
    struct modexpo me;
};

static int hoard_one(void *data)
{
    struct hoard *h = data;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ioctl(h->fd, ICARSAMODEXPO, &h->me);
    return 0;
}

/* Processes that share their memory wait for a page that is never populated, and are killed; the
 * memory lives on, and its readers keep waiting. */
int command_hoard(int fd, unsigned count)
{
    pid_t *pids = calloc(count, sizeof *pids);
    struct hoard h = {.fd = fd};
    struct operation o;
    struct crt crt;

    operation_me(&o, 1024, 1);
    operation_fill(&o, &h.me, &crt);
    h.me.inputdata = adverse_fault_page();
    for (unsigned i = 0; i < count; i++) {
        char *stack = malloc(STACK_BYTES);

        pids[i] = clone(hoard_one, stack + STACK_BYTES, CLONE_VM | SIGCHLD, &h);
        if (pids[i] < 0)
            fail("clone: %s", strerrorname_np(errno));
    }
    usleep(500000);
    for (unsigned i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (unsigned i = 0; i < count; i++)
        waitpid(pids[i], NULL, 0);
    puts("killed");
    fflush(stdout);
    pause();
    return 0;
}

static void *execute(void *data)
{
    char *const args[] = {"echo", "executed", NULL};

    usleep(300000);
    execv("/bin/echo", args);
    fail("/bin/echo: %s", strerrorname_np(errno));
}

/* One thread issues a request while another executes a new program. first: the first thread issues
 * it. */
int command_exec(int fd, int first)
{
    static struct crowd c;
    pthread_t thread;

    c.fd = fd;
    pthread_create(&thread, NULL, first ? execute : crowd_one, &c);
    if (first)
        crowd_one(&c);
    else
        execute(NULL);
    fail("the request has come back");
}

static void *replace(void *data)
{
    int null = open("/dev/null", O_RDWR);

    usleep(300000);
    dup2(null, ((struct crowd *)data)->fd);
    return NULL;
}

/* The descriptor is another file when the reply arrives. */
int command_closing(int fd)
{
    struct crowd c = {.fd = fd};
    pthread_t thread;
    int domain;

    pthread_create(&thread, NULL, replace, &c);
    crowd_one(&c);
    pthread_join(thread, NULL);
    printf("right %u\nafterwards %s\n", (unsigned)c.right,
           ioctl(fd, Z90STAT_DOMAIN_INDEX, &domain) ? strerrorname_np(errno) : "0");
    return 0;
}
