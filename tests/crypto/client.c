/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int answer(int err)
{
    if (err)
        printf("errno %s\n", strerrorname_np(err));
    return 0;
}

/* me|crt NODE BITS... */
static int run_rsa(int fd, char **args, int is_crt)
{
    struct operation o;

    for (; *args; args++) {
        int err;

        if (is_crt)
            operation_crt(&o, (unsigned)atoi(*args));
        else
            operation_me(&o, (unsigned)atoi(*args), 0);
        err = operation_run(fd, &o);
        printf("%s %s\n", *args, err ? strerrorname_np(err) : "0");
    }
    return 0;
}

static int run_random(int fd, unsigned domain, unsigned bytes)
{
    uint8_t out[8192];
    int err = cca_random(fd, domain, bytes, out);

    if (err)
        return answer(err);
    printf("random ");
    for (unsigned i = 0; i < bytes; i++)
        printf("%02x", out[i]);
    putchar('\n');
    return 0;
}

static int run_keygen(int fd, unsigned card, unsigned domain)
{
    uint8_t token[64];
    uint32_t rc = 0;
    int err = cca_keygen(fd, card, domain, token, &rc);

    if (err)
        return answer(err);
    printf("code %u/%u\ntoken ", rc >> 16, rc & 0xffff);
    for (unsigned i = 0; i < sizeof token && !rc; i++)
        printf("%02x", token[i]);
    putchar('\n');
    return 0;
}

static int run_unwrap(int fd, unsigned card, unsigned domain, const char *hex)
{
    uint8_t token[64], key[32];
    uint32_t rc = 0;
    int err;

    for (unsigned i = 0; i < sizeof token; i++)
        sscanf(hex + 2 * i, "%2hhx", &token[i]);
    err = cca_unwrap(fd, card, domain, token, key, &rc);
    if (err)
        return answer(err);
    printf("code %u/%u\nkey ", rc >> 16, rc & 0xffff);
    for (unsigned i = 0; i < sizeof key && !rc; i++)
        printf("%02x", key[i]);
    putchar('\n');
    return 0;
}

static void print_cards(const char *what, const void *data, unsigned size, unsigned cards)
{
    for (unsigned i = 0; i < cards; i++) {
        uint32_t v = size == 4 ? ((const uint32_t *)data)[i] : ((const uint8_t *)data)[i];

        if (v)
            printf("%s %02x %u\n", what, i, v);
    }
}

static void need(int rc, const char *what)
{
    if (rc)
        fail("%s: %s", what, strerrorname_np(errno));
}

static int run_status(int fd)
{
    static struct device_status matrix[65536];
    static struct old_device_status old[64 * 256];
    uint8_t bytes[256];
    uint32_t counts[256];
    int value;

    need(ioctl(fd, ZCRYPT_STATUS_MASK, bytes), "STATUS_MASK");
    print_cards("status", bytes, 1, 256);
    need(ioctl(fd, Z90STAT_STATUS_MASK, bytes), "old STATUS_MASK");
    print_cards("old-status", bytes, 1, 64);
    need(ioctl(fd, ZCRYPT_QDEPTH_MASK, bytes), "QDEPTH_MASK");
    print_cards("depth", bytes, 1, 256);
    need(ioctl(fd, Z90STAT_QDEPTH_MASK, bytes), "old QDEPTH_MASK");
    print_cards("old-depth", bytes, 1, 64);
    need(ioctl(fd, ZCRYPT_PERDEV_REQCNT, counts), "PERDEV_REQCNT");
    print_cards("requests", counts, 4, 256);
    need(ioctl(fd, Z90STAT_PERDEV_REQCNT, counts), "old PERDEV_REQCNT");
    print_cards("old-requests", counts, 4, 64);
    need(ioctl(fd, Z90STAT_REQUESTQ, &value), "REQUESTQ");
    printf("requestq %d\n", value);
    need(ioctl(fd, Z90STAT_PENDINGQ, &value), "PENDINGQ");
    printf("pendingq %d\n", value);
    if (ioctl(fd, Z90STAT_TOTALOPEN, &value) == 0)
        printf("open %d\n", value);
    else
        printf("open %s\n", strerrorname_np(errno));
    need(ioctl(fd, Z90STAT_DOMAIN_INDEX, &value), "DOMAIN_INDEX");
    printf("domain %d\n", value);
    need(ioctl(fd, ZCRYPT_DEVICE_STATUS, matrix), "DEVICE_STATUS");
    for (unsigned i = 0; i < 65536; i++)
        if (matrix[i].hwtype)
            printf("matrix %04x type %u qid %04x online %u functions %u\n", i, matrix[i].hwtype,
                   matrix[i].qid, matrix[i].online, matrix[i].functions);
    need(ioctl(fd, ZDEVICESTATUS, old), "ZDEVICESTATUS");
    for (unsigned i = 0; i < 64 * 256; i++)
        if (old[i].hwtype)
            printf("old-matrix %04x type %u qid %04x online %u functions %u\n", i, old[i].hwtype,
                   old[i].qid, old[i].online, old[i].functions);
    return 0;
}

static unsigned number(char **args, int count, int i)
{
    return i < count ? (unsigned)strtoul(args[i], NULL, 0) : 0;
}

static int run(int fd, const char *what, char **args, int count)
{
    if (!strcmp(what, "me") || !strcmp(what, "crt"))
        return run_rsa(fd, args, *what == 'c');
    if (!strcmp(what, "moving"))
        return command_moving(fd);
    if (!strcmp(what, "errors"))
        return command_errors(fd);
    if (!strcmp(what, "cprb-errors"))
        return command_cprb_errors(fd);
    if (!strcmp(what, "admin"))
        return command_admin(fd, number(args, count, 0));
    if (!strcmp(what, "random"))
        return run_random(fd, number(args, count, 0), number(args, count, 1));
    if (!strcmp(what, "keygen"))
        return run_keygen(fd, number(args, count, 0), number(args, count, 1));
    if (!strcmp(what, "unwrap") && count == 3)
        return run_unwrap(fd, number(args, count, 0), number(args, count, 1), args[2]);
    if (!strcmp(what, "ec") && count == 3)
        return command_ec(fd, number(args, count, 0), args[1], number(args, count, 2));
    if (!strcmp(what, "query"))
        return answer(cca_query(fd, number(args, count, 0), number(args, count, 1)));
    if (!strcmp(what, "ep11"))
        return answer(
            ep11_query(fd, number(args, count, 0), number(args, count, 1), number(args, count, 2)));
    if (!strcmp(what, "status"))
        return run_status(fd);
    if (!strcmp(what, "latency"))
        return command_latency(fd, number(args, count, 0));
    if (!strcmp(what, "fault"))
        return command_fault(fd, (int)number(args, count, 0));
    if (!strcmp(what, "signals-once"))
        return command_signals_once(fd);
    if (!strcmp(what, "signals-restart"))
        return command_signals_restart(fd, number(args, count, 0));
    if (!strcmp(what, "forge"))
        return command_forge(fd, number(args, count, 0));
    if (!strcmp(what, "flip"))
        return command_flip(fd, number(args, count, 0));
    if (!strcmp(what, "crowd"))
        return command_crowd(fd, number(args, count, 0));
    if (!strcmp(what, "hoard"))
        return command_hoard(fd, number(args, count, 0));
    if (!strcmp(what, "exec"))
        return command_exec(fd, (int)number(args, count, 0));
    if (!strcmp(what, "narrow"))
        return command_narrow(fd);
    if (!strcmp(what, "closing"))
        return command_closing(fd);
    if (!strcmp(what, "fresh") && count == 0)
        return command_fresh(fd);
    if (!strcmp(what, "own-file") && count == 1)
        return command_own_file(fd, args[0]);
    if (!strcmp(what, "hold"))
        return puts("open"), fflush(stdout), pause();
    fail("no such command: %s", what);
}

/* client COMMAND NODE [ARG...] */
int main(int argc, char **argv)
{
    int fd;

    if (argc < 3)
        fail("usage: client COMMAND NODE [ARG...]");
    if (!strcmp(argv[1], "stress"))
        return command_stress(argv[2], number(argv, argc, 3), argc > 4 ? atof(argv[4]) : 1,
                              argc > 5 ? strtoul(argv[5], NULL, 0) : ~0ul);
    if (!strcmp(argv[1], "signals"))
        return command_signals(argv[2], number(argv, argc, 3));
    if (!strcmp(argv[1], "rate"))
        return command_rate(argv[2], number(argv, argc, 3), number(argv, argc, 4),
                            argc > 5 ? atof(argv[5]) : 5);
    fd = open(argv[2], O_RDWR);
    if (fd < 0)
        fail("%s: %s", argv[2], strerrorname_np(errno));
    return run(fd, argv[1], argv + 3, argc - 3);
}
