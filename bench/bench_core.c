/* SPDX-License-Identifier: MIT */
/*
 * Measures the core alone, without file system or processes:
 *   assign_domain and unassign_domain with 10, 1,000 and 10,000 mediated devices, in turn, and the
 *   ratio to the time with 10; for 1 and for 8 queues at a time;
 *   a mask write that moves all 65,536 queues to another driver, in CPU time;
 *   the start of that machine, in CPU time.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/core.h"
#include "machine/config.h"

#define TYPE   "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough"
#define MATRIX "devices/vfio_ap/matrix"
#define ROUNDS 40
#define SLICE  200 /* operations before the next size's turn */
#define PROBE  "ffffffff-ffff-4fff-bfff-ffffffffffff"

struct host {
    struct core *core;
    struct effects effects;
    unsigned mdevs;
    double samples[SLICE], p50[ROUNDS], ratio[ROUNDS];
};

static void full_machine(struct machine_config *c)
{
    machine_config_empty(c);
    for (unsigned i = 0; i < AP_IDS; i++) {
        if (machine_adapter_type_parse("CEX8C", &c->adapters[i]) < 0)
            bench_fail("there is no CEX8C");
        c->adapters[i].configured = c->adapters[i].in_lpar = true;
        mask256_set(&c->usage, i);
        mask256_set(&c->control, i);
    }
}

static void host_init(struct host *h)
{
    struct machine_config config;

    full_machine(&config);
    *h = (struct host){0};
    h->core = core_new(&config, &h->effects);
}

static void host_done(struct host *h)
{
    core_free(h->core);
    effects_done(&h->effects);
}

static sysfs_ino find(const struct host *h, const char *path)
{
    sysfs_ino ino;

    if (sysfs_resolve(core_tree(h->core, CORE_HOST_TREE), path, &ino) < 0)
        bench_fail("%s does not exist", path);
    return ino;
}

static void store(struct host *h, sysfs_ino ino, const char *text)
{
    struct command cmd = {.kind = CMD_STORE, .store = {CORE_HOST_TREE, ino, text, strlen(text)}};
    struct reply reply = {0};

    effects_clear(&h->effects);
    core_execute(h->core, &cmd, &h->effects, &reply);
    if (reply.result < 0)
        bench_fail("writing %s: %s (%s)", text, strerror(-reply.result),
                   reply.why.data ? reply.why.data : "no reason given");
    text_done(&reply.why);
}

static void store_at(struct host *h, const char *dir, const char *attr, unsigned value)
{
    char path[128], text[16];

    snprintf(path, sizeof path, "%s/%s", dir, attr);
    snprintf(text, sizeof text, "%u", value);
    store(h, find(h, path), text);
}

static void make_mdev(struct host *h, const char *uuid, char dir[96])
{
    store(h, find(h, TYPE "/create"), uuid);
    snprintf(dir, 96, MATRIX "/%s", uuid);
}

/* Mediated device i has one queue of its own, below adapter 250 and domain 40. */
static void fill(struct host *h, unsigned mdevs)
{
    char uuid[37], dir[96];

    store(h, find(h, "bus/ap/aqmask"), "0x0");
    for (unsigned i = 0; i + 1 < mdevs; i++) {
        snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012x", i);
        make_mdev(h, uuid, dir);
        store_at(h, dir, "assign_adapter", i % 250);
        store_at(h, dir, "assign_domain", i / 250);
    }
    make_mdev(h, PROBE, dir);
    h->mdevs = mdevs;
}

static void assign_round(struct host *h, unsigned round)
{
    sysfs_ino assign = find(h, MATRIX "/" PROBE "/assign_domain");
    sysfs_ino unassign = find(h, MATRIX "/" PROBE "/unassign_domain");

    for (unsigned i = 0; i < SLICE; i++) {
        uint64_t start = bench_now();

        store(h, assign, "250");
        store(h, unassign, "250");
        h->samples[i] = (double)(bench_now() - start) / 2e3;
    }
    h->p50[round] = bench_percentile(h->samples, SLICE, 50);
}

static void measure_assign(struct host *hosts, unsigned count, unsigned adapters)
{
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned k = 0; k < count; k++)
            assign_round(&hosts[(k + r) % count], r);
        for (unsigned k = 0; k < count; k++)
            hosts[k].ratio[r] = hosts[k].p50[r] / hosts[0].p50[r];
    }
    for (unsigned k = 0; k < count; k++) {
        double p50 = bench_percentile(hosts[k].p50, ROUNDS, 50);
        double ratio = bench_percentile(hosts[k].ratio, ROUNDS, 50);

        printf("{\"bench\":\"assign\",\"mdevs\":%u,\"product\":%u,\"p50_us\":%.3f,"
               "\"ratio_to_%u\":%.3f}\n",
               hosts[k].mdevs, adapters, p50, hosts[0].mdevs, ratio);
        fprintf(stderr, "  assign and unassign of %u queues, %6u devices: %8.3f us, ratio %.2f\n",
                adapters, hosts[k].mdevs, p50, ratio);
    }
}

static void assign(void)
{
    static const unsigned sizes[] = {10, 1000, 10000};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    static struct host hosts[SIZES];

    for (unsigned k = 0; k < SIZES; k++) {
        host_init(&hosts[k]);
        fill(&hosts[k], sizes[k]);
        store_at(&hosts[k], MATRIX "/" PROBE, "assign_adapter", 248);
    }
    measure_assign(hosts, SIZES, 1);
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 249; i < 256; i++)
            store_at(&hosts[k], MATRIX "/" PROBE, "assign_adapter", i);
    measure_assign(hosts, SIZES, 8);
    for (unsigned k = 0; k < SIZES; k++)
        host_done(&hosts[k]);
}

static void rebind(bool uevents)
{
    double samples[20], p50;
    struct host h;
    sysfs_ino mask;

    host_init(&h);
    h.effects.want_uevents = uevents;
    mask = find(&h, "bus/ap/aqmask");
    for (unsigned i = 0; i < 20; i++) {
        uint64_t start = bench_cpu();

        store(&h, mask,
              i % 2 ? "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" : "0x0");
        samples[i] = (double)(bench_cpu() - start) / 1e6;
    }
    p50 = bench_percentile(samples, 20, 50);
    printf("{\"bench\":\"rebind\",\"queues\":65536,\"uevents\":%s,\"cpu_ms\":%.3f}\n",
           uevents ? "true" : "false", p50);
    fprintf(stderr, "  mask write that rebinds 65,536 queues%s: %.2f ms of CPU\n",
            uevents ? ", with uevents" : "", p50);
    host_done(&h);
}

static void start(void)
{
    double samples[20], p50;

    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = bench_cpu();
        struct host h;

        host_init(&h);
        samples[i] = (double)(bench_cpu() - before) / 1e6;
        host_done(&h);
    }
    p50 = bench_percentile(samples, 20, 50);
    printf("{\"bench\":\"core start\",\"queues\":65536,\"cpu_ms\":%.3f}\n", p50);
    fprintf(stderr, "  start of the 256 x 256 machine: %.2f ms of CPU\n", p50);
}

int main(void)
{
    bench_place(BENCH_ONE_CPU);
    assign();
    rebind(false);
    rebind(true);
    start();
    return 0;
}
