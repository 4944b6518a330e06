/* SPDX-License-Identifier: MIT */
/* Round trip of TAPQ through the QEMU plugin: median and 99th percentile in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/uuid.h"
#include "guest/client.h"

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int measure(struct guest_client *client, unsigned apqn, size_t count)
{
    struct guest_insn insn = {.opcode = GUEST_OPCODE_PQAP, .gr = {apqn}};
    struct guest_insn_reply reply;
    double *times = calloc(count, sizeof(*times));

    for (size_t i = 0; times && i < count; i++) {
        double start = now_us();

        if (guest_client_execute(client, &insn, &reply) < 0) {
            fprintf(stderr, "%s\n", guest_client_error(client));
            free(times);
            return 1;
        }
        times[i] = now_us() - start;
    }
    if (!times)
        return 1;
    qsort(times, count, sizeof(*times), compare);
    printf("TAPQ %04x: GR1 %08llx, p50 %.1f us, p99 %.1f us\n", apqn,
           (unsigned long long)reply.gr[1], times[count / 2], times[count * 99 / 100]);
    free(times);
    return 0;
}

int main(int argc, char **argv)
{
    struct guest_hello hello = {.version = GUEST_PROTOCOL_VERSION,
                                .role = GUEST_ROLE_GUEST,
                                .features = GUEST_FEATURE_AP | GUEST_FEATURE_APFT};
    char error[GUEST_ERROR_MAX];
    struct guest_client *client;
    struct uuid mdev;
    int r;

    if (argc != 5) {
        fprintf(stderr, "usage: tapq-time SOCKET NAME|MDEV APQN COUNT\n");
        return 2;
    }
    if (uuid_parse(argv[2], strlen(argv[2]), &mdev) == 0) {
        memcpy(hello.mdev, mdev.bytes, sizeof(hello.mdev));
    } else {
        hello.name = argv[2];
        hello.name_len = strlen(argv[2]);
    }
    if (guest_client_open(argv[1], &hello, 5000, &client, error) < 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    r = measure(client, strtoul(argv[3], NULL, 16), strtoul(argv[4], NULL, 10));
    guest_client_close(client);
    return r;
}
