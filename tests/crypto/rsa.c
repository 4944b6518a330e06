/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

static BIGNUM *random_bits(unsigned bits)
{
    BIGNUM *b = BN_new();

    BN_rand(b, (int)bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    return b;
}

void operation_me(struct operation *o, unsigned bits, int small)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = random_bits(bits), *e = random_bits(small ? 17 : bits), *x = BN_new(),
           *y = BN_new();

    memset(o, 0, sizeof *o);
    o->n = (bits + 7) / 8;
    if (small)
        BN_set_word(e, 65537);
    BN_rand_range(x, n);
    BN_mod_exp(y, x, e, n, ctx);
    BN_bn2binpad(n, o->modulus, (int)o->n);
    BN_bn2binpad(e, o->exponent, (int)o->n);
    BN_bn2binpad(x, o->input, (int)o->n);
    BN_bn2binpad(y, o->expected, (int)o->n);
    BN_free(n);
    BN_free(e);
    BN_free(x);
    BN_free(y);
    BN_CTX_free(ctx);
}

void operation_crt(struct operation *o, unsigned bits)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new(), *phi = BN_new(), *e = BN_new(),
           *d = BN_new(), *dp = BN_new(), *dq = BN_new(), *u = BN_new(), *x = BN_new(),
           *y = BN_new();
    int s, l;

    memset(o, 0, sizeof *o);
    o->is_crt = 1;
    o->n = (bits + 7) / 8;
    s = (int)(o->n + 1) / 2;
    l = s + 8;
    BN_set_word(e, 65537);
    do {
        BN_generate_prime_ex(p, (int)(bits + 1) / 2, 0, NULL, NULL, NULL);
        BN_generate_prime_ex(q, (int)bits / 2, 0, NULL, NULL, NULL);
        BN_mul(n, p, q, ctx);
        BN_sub(phi, n, p);
        BN_sub(phi, phi, q);
        BN_add_word(phi, 1);
    } while (BN_cmp(p, q) == 0 || !BN_mod_inverse(d, e, phi, ctx));
    BN_sub_word(p, 1);
    BN_sub_word(q, 1);
    BN_mod(dp, d, p, ctx);
    BN_mod(dq, d, q, ctx);
    BN_add_word(p, 1);
    BN_add_word(q, 1);
    BN_mod_inverse(u, q, p, ctx);
    BN_rand_range(x, n);
    BN_mod_exp(y, x, d, n, ctx);
    BN_bn2binpad(p, o->p, l);
    BN_bn2binpad(dp, o->dp, l);
    BN_bn2binpad(u, o->u, l);
    BN_bn2binpad(q, o->q, s);
    BN_bn2binpad(dq, o->dq, s);
    BN_bn2binpad(x, o->input, (int)o->n);
    BN_bn2binpad(y, o->expected, (int)o->n);
    BIGNUM *all[] = {p, q, n, phi, e, d, dp, dq, u, x, y};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        BN_free(all[i]);
    BN_CTX_free(ctx);
}

void operation_fill(struct operation *o, struct modexpo *me, struct crt *crt)
{
    *me = (struct modexpo){o->input,           (uint32_t)o->n, o->output,
                           (uint32_t)o->n + 3, o->exponent,    o->modulus};
    *crt = (struct crt){o->input, (uint32_t)o->n, o->output, (uint32_t)o->n + 3, o->dp, o->dq,
                        o->p,     o->q,           o->u};
}

int operation_run(int fd, struct operation *o)
{
    struct modexpo me;
    struct crt crt;
    uint32_t len;

    operation_fill(o, &me, &crt);
    memset(o->output, 0xa5, sizeof o->output);
    if (o->is_crt ? ioctl(fd, ICARSACRT, &crt) : ioctl(fd, ICARSAMODEXPO, &me))
        return errno;
    len = o->is_crt ? crt.outputdatalength : me.outputdatalength;
    if (len != o->n)
        fail("outputdatalength is %u, not %zu", len, o->n);
    if (memcmp(o->output, o->expected, o->n) != 0)
        fail("%s of %zu bytes: wrong result", o->is_crt ? "CRT" : "ME", o->n);
    if (o->output[o->n] != 0xa5)
        fail("%s of %zu bytes: written behind the result", o->is_crt ? "CRT" : "ME", o->n);
    return 0;
}

static void show(const char *what, int rc)
{
    printf("%s %s\n", what, rc ? strerrorname_np(errno) : "0");
}

static void *wild(void)
{
    return (void *)(uintptr_t)0x1000;
}

/* All errors of ME. */
static void errors_me(int fd, struct operation *o)
{
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct modexpo good, me;
    struct crt crt;

    operation_fill(o, &good, &crt);
    munmap(page + 4096, 4096);
    show("struct-wild", ioctl(fd, ICARSAMODEXPO, wild()));
    show("struct-null", ioctl(fd, ICARSAMODEXPO, NULL));
    show("struct-cut", ioctl(fd, ICARSAMODEXPO, page + 4096 - 40));
    me = good, me.inputdata = wild();
    show("input-wild", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.b_key = wild();
    show("exponent-wild", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.n_modulus = page + 4096 - 8;
    show("modulus-cut", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.outputdata = wild();
    show("output-wild", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.outputdatalength = me.inputdatalength - 1;
    show("output-short", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.inputdatalength = 0;
    show("input-empty", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.inputdatalength = me.outputdatalength = 513;
    show("input-513", ioctl(fd, ICARSAMODEXPO, &me));
    me = good, me.inputdatalength = me.outputdatalength = 0xffffffff;
    show("input-huge", ioctl(fd, ICARSAMODEXPO, &me));
    mprotect(page, 4096, PROT_READ);
    me = good, me.outputdata = page;
    show("output-readonly", ioctl(fd, ICARSAMODEXPO, &me));
    munmap(page, 4096);
}

/* One structure whose operands move each time: together, apart, or unmapped. */
int command_moving(int fd)
{
    struct operation *o = calloc(2, sizeof *o);
    char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct modexpo me;
    struct crt crt, good;
    uint8_t *edge = (uint8_t *)page + 4096 - 7;

    operation_crt(&o[0], 1024);
    operation_crt(&o[1], 2048);
    for (unsigned i = 0; i < 16; i++) {
        struct operation *one = &o[i % 3 == 0];

        operation_fill(one, &me, &crt);
        memset(one->output, 0, sizeof one->output);
        /* In descending order, across a page boundary, and two operands that overlap. */
        if (i & 2)
            crt.inputdata = memcpy(edge, one->input, one->n);
        if (i & 4)
            crt.np_prime = memcpy(edge + 1024, one->p, sizeof one->p);
        if (i & 8)
            crt.nq_prime = memcpy(edge + 600, one->q, 256);
        if (ioctl(fd, ICARSACRT, &crt))
            fail("turn %u: %s", i, strerrorname_np(errno));
        if (memcmp(one->output, one->expected, one->n) != 0)
            fail("turn %u: wrong result", i);
    }
    operation_fill(&o[0], &me, &good);
    good.inputdata = memcpy(page + 2 * 4096, o[0].input, o[0].n);
    crt = good;
    show("there", ioctl(fd, ICARSACRT, &crt));
    munmap(page + 2 * 4096, 4096);
    crt = good;
    show("gone", ioctl(fd, ICARSACRT, &crt));
    crt.inputdata = o[0].input;
    show("back", ioctl(fd, ICARSACRT, &crt));
    free(o);
    return 0;
}

int command_errors(int fd)
{
    struct operation o;
    struct modexpo me;
    struct crt crt;
    char byte = 0;

    operation_me(&o, 1024, 0);
    errors_me(fd, &o);
    operation_fill(&o, &me, &crt);
    o.modulus[o.n - 1] &= 0xfe;
    show("modulus-even", ioctl(fd, ICARSAMODEXPO, &me));
    o.modulus[o.n - 1] |= 1;
    memset(o.input, 0xff, o.n);
    show("input-too-big", ioctl(fd, ICARSAMODEXPO, &me));
    show("crt-struct-wild", ioctl(fd, ICARSACRT, wild()));
    crt.u_mult_inv = wild();
    show("crt-u-wild", ioctl(fd, ICARSACRT, &crt));
    crt.outputdatalength = 5;
    show("crt-output-short", ioctl(fd, ICARSACRT, &crt));
    show("unknown-7a", ioctl(fd, 0xc0007a99u, &me));
    show("unknown-tcgets", ioctl(fd, 0x5401, &me));
    show("number-0", ioctl(fd, 0xc0007a00u, &me));
    show("status-wild", ioctl(fd, ZCRYPT_STATUS_MASK, wild()));
    show("matrix-wild", ioctl(fd, ZCRYPT_DEVICE_STATUS, wild()));
    fcntl(fd, F_SETFL, O_NONBLOCK); /* a terminal's would wait */
    show("read", read(fd, &byte, 1) < 0);
    show("write", write(fd, &byte, 1) < 0);
    return 0;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Medians in microseconds: an ioctl that does nothing, and one ME of 512 bits, in turn. */
int command_latency(int fd, unsigned count)
{
    double *nothing = calloc(count, sizeof *nothing), *request = calloc(count, sizeof *request);
    struct operation o;
    int domain;

    operation_me(&o, 512, 1);
    for (unsigned i = 0; i < count; i++) {
        double start = now();

        if (ioctl(fd, Z90STAT_DOMAIN_INDEX, &domain))
            fail("Z90STAT_DOMAIN_INDEX: %s", strerrorname_np(errno));
        nothing[i] = now() - start;
        start = now();
        if (operation_run(fd, &o))
            fail("ME: %s", strerrorname_np(errno));
        request[i] = now() - start;
    }
    qsort(nothing, count, sizeof *nothing, compare);
    qsort(request, count, sizeof *request, compare);
    printf("noop %.2f\nme512 %.2f\nratio %.3f\n", 1e6 * nothing[count / 2],
           1e6 * request[count / 2], request[count / 2] / nothing[count / 2]);
    free(nothing);
    free(request);
    return 0;
}
