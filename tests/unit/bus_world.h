/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_BUS_WORLD_H
#define APUS_TESTS_BUS_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "machine/config.h"
#include "zcrypt/zcrypt.h"

#include "unit.h"

/*
 * An AP bus on hardware that is a table, with zcrypt's drivers and one that records its callbacks.
 * calls has one line for each callback and each instruction, in order.
 */

#define DEFAULT_DRIVER "cex4queue" /* takes the queues that the masks reserve for zcrypt */
#define PASSED_DRIVER  "vfio_ap"   /* takes the rest */

struct fake_adapter {
    uint8_t type;
    uint32_t functions;
    enum ap_rc rc; /* of its queues */
    struct mask256 queues;
};

struct fake_hw {
    bool has_qci;
    struct ap_qci qci;
    struct fake_adapter adapters[AP_IDS];
    unsigned asked[AP_IDS]; /* TAPQs executed */
    ap_qn resetting;        /* a queue whose resets do not end; 0: none */
    ap_qn interrupting;     /* one that has interrupts enabled; 0: none */
};

struct bus_world {
    struct fake_hw hw;
    struct sysfs_tree tree;
    struct ap_bus *bus;
    struct zcrypt_tokens *tokens;
    struct zcrypt *zcrypt;
    struct effects fx;
    struct text calls, got;
    bool veto;
};

/* Callbacks have no other access to calls. */
static struct bus_world *world;

static inline void note(const char *what, ap_qn qn)
{
    char name[AP_QN_TEXT];

    ap_qn_format(qn, name);
    text_addf(&world->calls, "%s %s\n", what, name);
}

static inline bool fake_qci(const void *ctx, struct ap_qci *out)
{
    const struct fake_hw *hw = ctx;

    *out = hw->qci;
    return hw->has_qci;
}

static inline enum ap_rc fake_rc(const struct fake_hw *hw, ap_qn qn)
{
    const struct fake_adapter *a = &hw->adapters[AP_QN_APID(qn)];

    if (!mask256_test(&a->queues, AP_QN_APQI(qn)))
        return AP_RC_Q_NOT_AVAIL;
    return hw->resetting && qn == hw->resetting ? AP_RC_RESET_IN_PROGRESS : a->rc;
}

static inline uint32_t fake_tapq(void *ctx, ap_qn qn, uint64_t *info)
{
    struct fake_hw *hw = ctx;
    const struct fake_adapter *a = &hw->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = fake_rc(hw, qn);

    hw->asked[AP_QN_APID(qn)]++;
    *info =
        rc == AP_RC_Q_NOT_AVAIL ? 0 : (uint64_t)a->functions << 32 | (uint64_t)a->type << 24 | 8;
    return apqsw_of(rc);
}

static inline uint32_t fake_peek(const void *ctx, ap_qn qn, uint64_t *info)
{
    const struct fake_hw *hw = ctx;

    *info = 0;
    return apqsw_of(fake_rc(hw, qn)) | (qn == hw->interrupting && qn ? APQSW_IRQ : 0);
}

static inline uint32_t fake_rapq(void *ctx, ap_qn qn)
{
    note("rapq", qn);
    return apqsw_of(fake_rc(ctx, qn));
}

static inline uint32_t fake_zapq(void *ctx, ap_qn qn)
{
    enum ap_rc rc = fake_rc(ctx, qn);

    note("zapq", qn);
    return apqsw_of(rc == AP_RC_RESET_IN_PROGRESS ? AP_RC_NORMAL : rc);
}

static inline uint32_t fake_aqic(void *ctx, ap_qn qn, const struct ap_aqic *aqic)
{
    return apqsw_of(AP_RC_NORMAL);
}

static inline bool fake_interrupts(const void *ctx)
{
    return true;
}

static inline const char *fake_serial(const void *ctx, unsigned apid)
{
    return "";
}

static inline bool fake_ask(const void *ctx, ap_qn qn, const uint8_t *request, size_t len,
                            struct text *reply)
{
    return false;
}

static inline struct ap_hw fake_hw_of(struct fake_hw *hw)
{
    static const struct ap_hw_ops ops = {.qci = fake_qci,
                                         .tapq = fake_tapq,
                                         .peek = fake_peek,
                                         .rapq = fake_rapq,
                                         .zapq = fake_zapq,
                                         .aqic = fake_aqic,
                                         .interrupts = fake_interrupts,
                                         .serial = fake_serial,
                                         .ask_firmware = fake_ask};

    return (struct ap_hw){&ops, hw};
}

/* An adapter with these queues, all in the LPAR. */
static inline void add_adapter(struct fake_hw *hw, unsigned apid, uint8_t type, uint32_t functions,
                               const unsigned *domains, unsigned count)
{
    hw->adapters[apid] = (struct fake_adapter){.type = type, .functions = functions};
    mask256_set(&hw->qci.apm, apid);
    for (unsigned i = 0; i < count; i++) {
        mask256_set(&hw->adapters[apid].queues, domains[i]);
        mask256_set(&hw->qci.aqm, domains[i]);
    }
}

static inline void passed_probe(void *ctx, ap_device_id id, struct effects *fx)
{
    note("probe", (ap_qn)id);
}

static inline void passed_remove(void *ctx, ap_device_id id, struct effects *fx)
{
    note("remove", (ap_qn)id);
}

static inline bool passed_in_use(void *ctx, const struct ap_masks *old,
                                 const struct ap_masks *wanted, struct text *why)
{
    char before[MASK256_TEXT], after[MASK256_TEXT];

    mask256_format(&old->aqmask, before);
    mask256_format(&wanted->aqmask, after);
    text_addf(&world->calls, "in use? %.6s %.6s\n", before, after);
    if (world->veto)
        text_adds(why, "it is in use");
    return world->veto;
}

static inline void passed_config_changed(void *ctx, const struct ap_qci *new,
                                         const struct ap_qci *old, struct effects *fx)
{
    text_adds(&world->calls, "config changed\n");
}

static inline void passed_scan_complete(void *ctx, const struct ap_qci *new,
                                        const struct ap_qci *old, struct effects *fx)
{
    text_adds(&world->calls, "scan complete\n");
}

static inline void passed_adapter_changed(void *ctx, unsigned apid, struct effects *fx)
{
    text_addf(&world->calls, "adapter %02x changed\n", apid);
}

static inline void passed_settle(void *ctx, struct effects *fx)
{
    text_adds(&world->calls, "settle\n");
}

/* CEX4 and newer, as vfio_ap. */
static inline void passed_register(struct ap_bus *bus)
{
    static const struct ap_driver_ops ops = {.probe = passed_probe,
                                             .remove = passed_remove,
                                             .in_use = passed_in_use,
                                             .config_changed = passed_config_changed,
                                             .scan_complete = passed_scan_complete,
                                             .adapter_changed = passed_adapter_changed,
                                             .settle = passed_settle};
    static const struct ap_driver driver = {
        .name = PASSED_DRIVER, .types = 0x1f << 10, .ops = &ops};

    ap_driver_register(bus, &driver, NULL);
}

static const unsigned domains_of_two[] = {4, 0x47};

/* The bus and zcrypt's drivers, with these masks. */
static inline void bus_new(struct bus_world *w, enum abi_profile abi, struct mask256 aqmask)
{
    struct ap_bus_params params = {
        .abi = abi_get(abi), .apmask = mask256_ones(), .aqmask = aqmask, .domain = -1};

    w->bus = ap_bus_new(&params, fake_hw_of(&w->hw), &w->tree);
    w->tokens = zcrypt_tokens_new();
    w->zcrypt = zcrypt_new(params.abi, &w->tree, w->bus, w->tokens);
}

/* Adapters 4 (EP11) and 5 (CCA), domains 4 and 47. The bus does not exist yet. */
static inline struct bus_world *world_new(void)
{
    struct bus_world *w = calloc(1, sizeof *w);

    w->hw.has_qci = true;
    w->hw.qci.flags = AP_QCI_APXA;
    w->hw.qci.max_adapter = w->hw.qci.max_domain = 255;
    add_adapter(&w->hw, 4, 11, AP_FN_EP11, domains_of_two, 2);
    add_adapter(&w->hw, 5, 11, AP_FN_CCA, domains_of_two, 2);
    w->fx.want_uevents = true;
    world = w;
    sysfs_tree_init(&w->tree);
    return w;
}

/* All queues belong to zcrypt, and no scan has been made. */
static inline int set_up_with(void **state, enum abi_profile abi)
{
    struct bus_world *w = world_new();

    bus_new(w, abi, mask256_ones());
    passed_register(w->bus);
    *state = w;
    return 0;
}

static inline int set_up(void **state)
{
    return set_up_with(state, ABI_PROPOSAL);
}

static inline int set_up_upstream(void **state)
{
    return set_up_with(state, ABI_UPSTREAM);
}

static inline int tear_down(void **state)
{
    struct bus_world *w = *state;

    zcrypt_free(w->zcrypt);
    zcrypt_tokens_free(w->tokens);
    ap_bus_free(w->bus);
    effects_done(&w->fx);
    text_done(&w->calls);
    text_done(&w->got);
    free(w);
    return 0;
}

/* Forgets the calls so far. */
static inline void forget(struct bus_world *w)
{
    effects_clear(&w->fx);
    text_clear(&w->calls);
    text_adds(&w->calls, "");
    memset(w->hw.asked, 0, sizeof w->hw.asked);
}

static inline void scan(struct bus_world *w)
{
    forget(w);
    ap_bus_scan(w->bus, &w->fx);
}

static inline sysfs_ino ino_of(struct bus_world *w, const char *path)
{
    sysfs_ino ino;

    return sysfs_resolve(&w->tree, path, &ino) == 0 ? ino : 0;
}

static inline int put(struct bus_world *w, const char *path, const char *value)
{
    sysfs_ino ino;
    int rc = sysfs_resolve(&w->tree, path, &ino);

    forget(w);
    return rc < 0 ? rc : sysfs_store(&w->tree, ino, value, strlen(value), &w->fx);
}

static inline const char *get(struct bus_world *w, const char *path)
{
    sysfs_ino ino;
    int rc = sysfs_resolve(&w->tree, path, &ino);

    text_clear(&w->got);
    text_adds(&w->got, "");
    if (rc == 0)
        rc = sysfs_show(&w->tree, ino, &w->got);
    if (rc < 0)
        text_addf(&w->got, "error %d", -rc);
    return w->got.data;
}

/* The texts of all effects of one kind, a line each; of a uevent, action and path. */
static inline const char *effects_of(struct bus_world *w, enum effect_kind kind)
{
    text_clear(&w->got);
    text_adds(&w->got, "");
    for (size_t i = 0; i < w->fx.count; i++) {
        const char *text = effect_text(&w->fx, &w->fx.v[i]);

        if (w->fx.v[i].kind != kind)
            continue;
        if (kind == EFFECT_UEVENT)
            text_addf(&w->got, "%s %s\n", text + strlen("ACTION="),
                      strstr(text + strlen(text) + 1, "devices/") + strlen("devices/"));
        else
            text_addf(&w->got, "%s\n", text);
    }
    return w->got.data;
}

static inline bool has_card(struct bus_world *w, unsigned apid)
{
    return ap_bus_card(w->bus, apid) != NULL;
}

static inline bool configured(struct bus_world *w, unsigned apid)
{
    return ap_bus_card(w->bus, apid)->config;
}

static inline bool has_queue(struct bus_world *w, ap_qn qn)
{
    return ap_bus_queue(w->bus, qn) != NULL;
}

static inline bool passed(struct bus_world *w, ap_qn qn)
{
    const struct ap_driver *driver = ap_bus_queue_driver(w->bus, qn);

    return driver && !driver->is_default;
}

#define TEST(name)          cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_UPSTREAM(name) cmocka_unit_test_setup_teardown(name, set_up_upstream, tear_down)

#endif
