/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internals.h"

#include <dlfcn.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

/* QEMU's declarations, as far as they are used. */
enum { FACILITY = 0 /* the type of features that are facility bits */, NO_FACILITY = 1 << 20 };

struct feature {
    const char *name, *description;
    int type, bit;
};

struct model {
    const void *definition;
    unsigned long features[]; /* bit n: feature n */
};

static struct {
    struct model *(*max_model)(void **error);
    const struct feature *(*feature)(int number);
    int (*feature_by_bit)(int type, int bit);
    void *(*cpu)(int index);
    bool (*get_bool)(void *object, const char *property, void **error);
    const char *(*machine_name)(void);
    void *(*main_loop)(void);
    void (*schedule)(void *loop, void (*run)(void *), void *data, const char *name);
    void *memory;
    /* The attributes are a structure of at most eight bytes. */
    uint32_t (*write)(void *memory, uint64_t address, uint64_t attributes, const void *data,
                      uint64_t len);
    void (*interrupt)(uint16_t id, uint16_t number, uint32_t parameter, uint32_t word);
} qemu;

static const struct {
    const char *name;
    void **at;
} symbols[] = {
    {"get_max_cpu_model", (void **)&qemu.max_model},
    {"s390_feat_def", (void **)&qemu.feature},
    {"s390_feat_by_type_and_bit", (void **)&qemu.feature_by_bit},
    {"qemu_get_cpu", (void **)&qemu.cpu},
    {"object_property_get_bool", (void **)&qemu.get_bool},
    {"qemu_get_vm_name", (void **)&qemu.machine_name},
    {"qemu_get_aio_context", (void **)&qemu.main_loop},
    {"aio_bh_schedule_oneshot_full", (void **)&qemu.schedule},
    {"address_space_memory", &qemu.memory},
    {"address_space_write", (void **)&qemu.write},
    {"s390_io_interrupt", (void **)&qemu.interrupt},
};

/* The facility bits are those of the architecture; ap has none. */
static const struct {
    const char *name;
    uint32_t feature;
    int facility;
} ap_features[] = {
    {"ap", GUEST_FEATURE_AP, -1},
    {"apqci", GUEST_FEATURE_APQCI, 12},
    {"apft", GUEST_FEATURE_APFT, 15},
    {"apqi", GUEST_FEATURE_APQI, 65},
};

enum { AP_FEATURES = sizeof(ap_features) / sizeof(*ap_features), LONG_BITS = 64 };

/* Number of the feature of that name, or -1. */
static int find_feature(const char *name)
{
    /* For a bit that no feature has, QEMU answers with the number of features. */
    int count = qemu.feature_by_bit(FACILITY, NO_FACILITY);

    for (int i = 0; i < count; i++)
        if (!strcmp(qemu.feature(i)->name, name))
            return i;
    return -1;
}

static bool model_has(const struct model *model, int feature)
{
    return model->features[feature / LONG_BITS] >> feature % LONG_BITS & 1;
}

/* Features that any TCG has are where they should be, and those of AP, which no TCG has, are not.
 */
static bool is_known_model(const struct model *model)
{
    static const char *const always[] = {"esan3", "zarch", "stfle", "ldisp"};

    for (unsigned i = 0; i < sizeof(always) / sizeof(*always); i++) {
        int feature = find_feature(always[i]);

        if (feature < 0 || !model_has(model, feature))
            return false;
    }
    for (unsigned i = 0; i < AP_FEATURES; i++) {
        int feature = find_feature(ap_features[i].name);
        const struct feature *f = feature < 0 ? NULL : qemu.feature(feature);

        if (!f || model_has(model, feature) ||
            (ap_features[i].facility >= 0 &&
             (f->type != FACILITY || f->bit != ap_features[i].facility)))
            return false;
    }
    return true;
}

bool internals_find(void)
{
    static const char without[] = "the guest has no AP interrupts, and -cpu no AP features";
    const struct model *model;

    for (unsigned i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
        *symbols[i].at = dlsym(RTLD_DEFAULT, symbols[i].name);
        if (!*symbols[i].at) {
            fprintf(stderr, "apus: this QEMU does not export %s: %s\n", symbols[i].name, without);
            return false;
        }
    }
    model = qemu.max_model(NULL);
    if (model && is_known_model(model))
        return true;
    fprintf(stderr, "apus: the CPU model of this QEMU is not known: %s\n", without);
    return false;
}

static void add_feature(struct model *model, const char *name)
{
    int feature = find_feature(name);

    if (feature >= 0)
        model->features[feature / LONG_BITS] |= 1UL << feature % LONG_BITS;
}

void internals_offer(uint32_t features, bool sie)
{
    struct model *model = qemu.max_model(NULL);

    for (unsigned i = 0; i < AP_FEATURES; i++)
        if (features & ap_features[i].feature)
            add_feature(model, ap_features[i].name);
    if (sie)
        add_feature(model, "sief2");
}

uint32_t internals_cpu_features(void)
{
    void *cpu = qemu.cpu(0);
    uint32_t features = 0;

    for (unsigned i = 0; cpu && i < AP_FEATURES; i++)
        if (qemu.get_bool(cpu, ap_features[i].name, NULL))
            features |= ap_features[i].feature;
    return features;
}

const char *internals_machine_name(void)
{
    return qemu.machine_name();
}

struct interruption {
    uint64_t nib;
    unsigned isc;
};

/* In QEMU's main loop, under its lock. */
static void present(void *data)
{
    const struct interruption *i = data;
    const uint8_t set = 0x80;
    const uint32_t adapter_interruption = 0x80000000;

    qemu.write(qemu.memory, i->nib, 0, &set, sizeof(set));
    qemu.interrupt(0, 0, 0, adapter_interruption | i->isc << 27);
    g_free(data);
}

void internals_interrupt(uint64_t nib, unsigned isc)
{
    struct interruption *i = g_new(struct interruption, 1);

    *i = (struct interruption){nib, isc};
    qemu.schedule(qemu.main_loop(), present, i, "apus");
}
