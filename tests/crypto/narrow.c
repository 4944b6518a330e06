/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The node as seen by a 32-bit program: structures with 4-byte pointers, and the ioctl through the
 * kernel's 32-bit entry. */

#ifdef __x86_64__

#define ARENA_BYTES 65536u
#define IOCTL_32    54

struct modexpo32 {
    uint32_t inputdata, inputdatalength, outputdata, outputdatalength, b_key, n_modulus;
};

struct crt32 {
    uint32_t inputdata, inputdatalength, outputdata, outputdatalength;
    uint32_t bp_key, bq_key, np_prime, nq_prime, u_mult_inv;
};

_Static_assert(sizeof(struct modexpo32) == 24 && sizeof(struct crt32) == 36, "compat structures");

static uint8_t *arena;
static size_t used;

static void *low_new(size_t len)
{
    void *p = arena + used;

    used += (len + 15) & ~(size_t)15;
    if (used > ARENA_BYTES)
        fail("the arena is full");
    return p;
}

static uint32_t low(const void *data, size_t len)
{
    void *p = low_new(len);

    memcpy(p, data, len);
    return (uint32_t)(uintptr_t)p;
}

static int ioctl32(int fd, uint32_t number, const void *argument)
{
    long rc;

    __asm__ volatile("int $0x80"
                     : "=a"(rc)
                     : "a"(IOCTL_32), "b"(fd), "c"(number), "d"(argument)
                     : "memory", "cc", "r8", "r9", "r10", "r11");
    return (int)rc;
}

static void show(const char *what, int rc)
{
    printf("%s %s\n", what, rc < 0 ? strerrorname_np(-rc) : "0");
}

static void check(const char *what, int rc, const struct operation *o, const uint8_t *result,
                  uint32_t len)
{
    if (rc == 0 && (len != o->n || memcmp(result, o->expected, o->n) != 0))
        fail("%s: wrong result", what);
    show(what, rc);
}

static void run_me(int fd, unsigned bits)
{
    struct modexpo32 *me = low_new(sizeof *me);
    uint8_t *result = low_new(OPERAND_MAX);
    struct operation o;

    operation_me(&o, bits, 0);
    *me = (struct modexpo32){low(o.input, o.n), (uint32_t)o.n,        (uint32_t)(uintptr_t)result,
                             (uint32_t)o.n,     low(o.exponent, o.n), low(o.modulus, o.n)};
    check("me", ioctl32(fd, ICARSAMODEXPO, me), &o, result, me->outputdatalength);
    me->inputdata = 0x1000;
    show("me-wild", ioctl32(fd, ICARSAMODEXPO, me));
    me->outputdatalength = 1;
    show("me-short", ioctl32(fd, ICARSAMODEXPO, me));
    show("me-struct-wild", ioctl32(fd, ICARSAMODEXPO, (void *)0x1000));
}

static void run_crt(int fd, unsigned bits)
{
    struct crt32 *crt = low_new(sizeof *crt);
    uint8_t *result = low_new(OPERAND_MAX);
    struct operation o;

    operation_crt(&o, bits);
    *crt =
        (struct crt32){low(o.input, o.n),     (uint32_t)o.n,          (uint32_t)(uintptr_t)result,
                       (uint32_t)o.n,         low(o.dp, o.n / 2 + 8), low(o.dq, o.n / 2),
                       low(o.p, o.n / 2 + 8), low(o.q, o.n / 2),      low(o.u, o.n / 2 + 8)};
    check("crt", ioctl32(fd, ICARSACRT, crt), &o, result, crt->outputdatalength);
}

static void run_status(int fd)
{
    int *domain = low_new(sizeof *domain);
    uint8_t *cards = low_new(256);
    int rc = ioctl32(fd, Z90STAT_DOMAIN_INDEX, domain);

    printf("domain %d\n", rc < 0 ? rc : *domain);
    rc = ioctl32(fd, ZCRYPT_STATUS_MASK, cards);
    printf("card06 %d\n", rc < 0 ? rc : cards[6]);
    show("tcgets", ioctl32(fd, 0x5401, cards));
}

static void on_trap(int number)
{
    static const char answer[] = "unsupported 0\n";

    _exit(write(STDOUT_FILENO, answer, sizeof(answer) - 1) < 0);
}

int command_narrow(int fd)
{
    arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                 -1, 0);
    if (arena == MAP_FAILED)
        fail("no memory below 2 GiB");
    signal(SIGSEGV, on_trap); /* a kernel without the 32-bit entry */
    signal(SIGILL, on_trap);
    run_me(fd, 1024);
    run_crt(fd, 2048);
    run_status(fd);
    return 0;
}

#else

int command_narrow(int fd)
{
    puts("unsupported 0");
    return 0;
}

#endif
