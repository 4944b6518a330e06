/* SPDX-License-Identifier: MIT */
/*
 * Measures guests, in the core alone:
 *   assign_adapter of a device with a running guest compared with one without, in turn;
 *   configuring off an adapter that 100 guests have: CPU time until the last guest's APCB is
 *   updated, and the same for configuring it on again;
 *   memory of an idle guest, with 1,000 guests.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/query.h"

#define MATRIX "devices/vfio_ap/matrix"
#define TYPE   MATRIX "/mdev_supported_types/vfio_ap-passthrough"
#define ROUNDS 40
#define SLICE  200

struct host {
    struct core *core;
    struct effects effects;
    double samples[SLICE], p50[ROUNDS];
};

static void host_init(struct host *h, unsigned adapters)
{
    struct machine_config config;

    machine_config_empty(&config);
    for (unsigned i = 0; i < adapters; i++) {
        if (machine_adapter_type_parse("CEX8A", &config.adapters[i]) < 0)
            bench_fail("there is no CEX8A");
        config.adapters[i].configured = config.adapters[i].in_lpar = true;
    }
    config.usage = config.control = mask256_ones();
    config.aqmask = (struct mask256){0};
    *h = (struct host){0};
    h->core = core_new(&config, &h->effects);
}

static void host_done(struct host *h)
{
    core_free(h->core);
    effects_done(&h->effects);
}

static void run(struct host *h, struct command *cmd)
{
    struct reply reply = {0};

    effects_clear(&h->effects);
    core_execute(h->core, cmd, &h->effects, &reply);
    if (reply.result < 0)
        bench_fail("a command failed: %s %s", strerror(-reply.result),
                   reply.why.data ? reply.why.data : "");
    reply_done(&reply);
}

static void store(struct host *h, const char *dir, const char *attr, const char *text)
{
    struct command cmd = {.kind = CMD_STORE, .store = {.data = text, .len = strlen(text)}};
    char path[160];

    snprintf(path, sizeof path, "%s/%s", dir, attr);
    if (sysfs_resolve(core_tree(h->core, CORE_HOST_TREE), path, &cmd.store.ino) < 0)
        bench_fail("%s does not exist", path);
    run(h, &cmd);
}

/* Mediated device number i with one domain on every adapter given, and perhaps a guest. */
static void make(struct host *h, unsigned i, unsigned adapters, bool guest)
{
    char uuid[UUID_TEXT], dir[96], number[16], name[16];
    struct command cmd = {.kind = CMD_GUEST_START,
                          .guest = {.name = name,
                                    .features = GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI,
                                    .has_mdev = true}};

    snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012x", i);
    snprintf(dir, sizeof dir, MATRIX "/%s", uuid);
    store(h, TYPE, "create", uuid);
    snprintf(number, sizeof number, "%u", i % 256);
    store(h, dir, "assign_domain", number);
    for (unsigned a = 0; a < adapters; a++) {
        snprintf(number, sizeof number, "%u", a);
        store(h, dir, "assign_adapter", number);
    }
    snprintf(name, sizeof name, "guest%u", i);
    if (uuid_parse(uuid, strlen(uuid), &cmd.guest.mdev) < 0)
        bench_fail("%s is not a UUID", uuid);
    if (guest)
        run(h, &cmd);
}

static void assign_round(struct host *h, unsigned round)
{
    static const char dir[] = MATRIX "/00000000-0000-4000-8000-000000000000";

    for (unsigned i = 0; i < SLICE; i++) {
        uint64_t start = bench_now();

        store(h, dir, "assign_adapter", "1");
        store(h, dir, "unassign_adapter", "1");
        h->samples[i] = (double)(bench_now() - start) / 2e3;
    }
    h->p50[round] = bench_percentile(h->samples, SLICE, 50);
}

static void assign(void)
{
    static struct host with, without;
    double ratio[ROUNDS];

    host_init(&with, 2);
    host_init(&without, 2);
    make(&with, 0, 1, true);
    make(&without, 0, 1, false);
    for (unsigned r = 0; r < ROUNDS; r++) {
        assign_round(r % 2 ? &with : &without, r);
        assign_round(r % 2 ? &without : &with, r);
        ratio[r] = with.p50[r] / without.p50[r];
    }
    printf("{\"bench\":\"hot plug\",\"p50_us\":%.3f,\"ratio_to_no_guest\":%.3f}\n",
           bench_percentile(with.p50, ROUNDS, 50), bench_percentile(ratio, ROUNDS, 50));
    fprintf(stderr, "  assign and unassign with a guest: %.3f us, ratio to none %.2f\n",
            bench_percentile(with.p50, ROUNDS, 50), bench_percentile(ratio, ROUNDS, 50));
    host_done(&with);
    host_done(&without);
}

static unsigned updated(const struct host *h)
{
    unsigned count = 0;

    for (size_t i = 0; i < h->effects.count; i++)
        count += h->effects.v[i].kind == EFFECT_APCB;
    return count;
}

static void configure(struct host *h, bool on, double *ms)
{
    struct command cmd = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 0, .on = on}};
    uint64_t start = bench_cpu();

    run(h, &cmd);
    *ms = (double)(bench_cpu() - start) / 1e6;
    if (updated(h) != 100)
        bench_fail("%u guests were updated, not 100", updated(h));
}

static void support_element(unsigned adapters)
{
    double off[20], on[20];
    struct host h;

    host_init(&h, adapters);
    for (unsigned i = 0; i < 100; i++)
        make(&h, i, 1, true);
    for (unsigned i = 0; i < 20; i++) {
        configure(&h, false, &off[i]);
        configure(&h, true, &on[i]);
    }
    printf("{\"bench\":\"adapter off\",\"guests\":100,\"adapters\":%u,\"cpu_ms\":%.3f,"
           "\"on_cpu_ms\":%.3f}\n",
           adapters, bench_percentile(off, 20, 50), bench_percentile(on, 20, 50));
    fprintf(stderr,
            "  adapter off under 100 guests, %3u adapters: %.3f ms of CPU; on again %.3f ms\n",
            adapters, bench_percentile(off, 20, 50), bench_percentile(on, 20, 50));
    host_done(&h);
}

static void memory(void)
{
    struct host h;
    size_t before;
    double bytes;

    host_init(&h, 4);
    before = mallinfo2().uordblks;
    for (unsigned i = 0; i < 1000; i++)
        make(&h, i, i < 256 ? 4 : 0, true);
    bytes = (double)(mallinfo2().uordblks - before) / 1000;
    printf("{\"bench\":\"idle guest\",\"guests\":1000,\"bytes\":%.0f}\n", bytes);
    fprintf(stderr, "  an idle guest with its device: %.0f bytes\n", bytes);
    host_done(&h);
}

int main(void)
{
    bench_place(BENCH_ONE_CPU);
    assign();
    support_element(4);
    support_element(256);
    memory();
    return 0;
}
