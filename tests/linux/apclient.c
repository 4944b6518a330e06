/* SPDX-License-Identifier: MIT */
/*
 * Runs inside a real s390x Linux: RSA through /dev/z90crypt, and an AP instruction where it is not
 * allowed. Numbers are hex of full operand length; results go to standard output, an errno's name
 * to standard error with exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { OPERAND_MAX = 1024 };

/* [zcrypt-structures] */
struct modexpo {
    uint8_t *input;
    uint32_t input_len;
    uint8_t *output;
    uint32_t output_len;
    uint8_t *exponent, *modulus;
};

struct modexpo_crt {
    uint8_t *input;
    uint32_t input_len;
    uint8_t *output;
    uint32_t output_len;
    uint8_t *dp, *dq, *p, *q, *u;
};

#define ICARSAMODEXPO 0xc0007a05u
#define ICARSACRT     0xc0007a06u

static uint8_t *from_hex(const char *text, size_t *len)
{
    uint8_t *bytes = malloc(OPERAND_MAX);

    *len = strlen(text) / 2;
    if (!bytes || *len > OPERAND_MAX)
        exit(2);
    for (size_t i = 0; i < *len; i++)
        if (sscanf(text + 2 * i, "%2hhx", &bytes[i]) != 1)
            exit(2);
    return bytes;
}

static uint8_t *operand(const char *text)
{
    size_t len;

    return from_hex(text, &len);
}

static int finish(int r, const uint8_t *output, size_t len)
{
    if (r < 0) {
        fprintf(stderr, "%s\n", strerrorname_np(errno));
        return 1;
    }
    for (size_t i = 0; i < len; i++)
        printf("%02x", output[i]);
    printf("\n");
    return 0;
}

static int run_modexpo(int fd, char **arg, int times)
{
    uint8_t output[OPERAND_MAX];
    size_t len;
    struct modexpo m = {.input = from_hex(arg[0], &len), .output = output};
    int r = 0;

    m.input_len = m.output_len = len;
    m.exponent = operand(arg[1]);
    m.modulus = operand(arg[2]);
    while (r == 0 && times--)
        r = ioctl(fd, ICARSAMODEXPO, &m);
    return finish(r, output, len);
}

static int run_crt(int fd, char **arg)
{
    uint8_t output[OPERAND_MAX];
    size_t len;
    struct modexpo_crt m = {.input = from_hex(arg[0], &len), .output = output};

    m.input_len = m.output_len = len;
    m.dp = operand(arg[1]);
    m.dq = operand(arg[2]);
    m.p = operand(arg[3]);
    m.q = operand(arg[4]);
    m.u = operand(arg[5]);
    return finish(ioctl(fd, ICARSACRT, &m), output, len);
}

/* The kernel answers with SIGILL. */
static int run_pqap(void)
{
    asm volatile("lghi 0,0\n\t.insn rre,0xb2af0000,0,0" ::: "0", "1", "2", "cc");
    return 0;
}

/* STFLE is not privileged: prints the first doubleword of the facility list. */
static int run_stfle(void)
{
    uint64_t list[32] = {0};

    asm volatile("lghi 0,31\n\tstfle %0" : "=Q"(list) : : "0", "cc", "memory");
    printf("%016llx\n", (unsigned long long)list[0]);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    int fd;

    if (!strcmp(verb, "pqap"))
        return run_pqap();
    if (!strcmp(verb, "stfle"))
        return run_stfle();
    fd = open("/dev/z90crypt", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return finish(-1, NULL, 0);
    if (!strcmp(verb, "me") && argc == 6)
        return run_modexpo(fd, argv + 3, atoi(argv[2]));
    if (!strcmp(verb, "crt") && argc == 8)
        return run_crt(fd, argv + 2);
    fprintf(
        stderr,
        "usage: apclient me TIMES INPUT EXPONENT MODULUS | crt INPUT DP DQ P Q U | pqap | stfle\n");
    return 2;
}
