/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCG plugin for qemu-system-s390x 11. It gives the guest AP instructions, which a server executes
 * that speaks the guest protocol.
 *
 *   -plugin apus-ap.so,sock=PATH[,name=NAME][,role=guest|lpar][,apft=off][,apqci=off][,apqi=off]
 *           [,rescan=PIPE][,sie=on][,limits=FLAGS:ADAPTER:DOMAIN]
 *
 * PATH and PIPE must not contain commas, since QEMU separates arguments by them. A guest gets the
 * device that QEMU opens through VFIO. Without name= its name is QEMU's.
 *
 * The AP features of a guest are those of -cpu, as usual; apft, apqci and apqi remove a feature
 * from all CPU models. With sie=on the model max has the SIE instruction by its SCLP facility,
 * which is what makes a kernel load KVM and vfio_ap; a guest in KVM cannot run.
 *
 * A kernel that boots without a server sees a machine with the QCI flags FLAGS (hexadecimal) and
 * the highest numbers ADAPTER and DOMAIN: without limits= c0000000:255:255, the widest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "insn.h"
#include "internals.h"
#include "link.h"
#include "plugin_api.h"

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_API_VERSION;
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

struct options {
    const char *path, *rescan;
    bool sie;
    struct link_limits limits;
    struct guest_hello hello;
};

static const struct options default_options = {
    .limits = {0xc0000000, 255, 255},
    .hello = {.version = GUEST_PROTOCOL_VERSION,
              .role = GUEST_ROLE_GUEST,
              .features = GUEST_FEATURE_ALL},
};

/* Without QEMU's own functions we cannot present interruptions: Linux then polls. */
#define PATCHED_FEATURES (GUEST_FEATURE_AP | GUEST_FEATURE_APFT | GUEST_FEATURE_APQCI)

static struct {
    bool is_lpar;
    bool in_model; /* the CPU model has the AP features; otherwise we patch what STFLE stores */
    bool has_ap, has_sie;
    bool started;
    const char *rescan;
} plugin;

/* The machine is made, so its CPU model is decided. */
static void start(void)
{
    uint32_t features = internals_cpu_features();

    plugin.started = true;
    plugin.has_ap = features & GUEST_FEATURE_AP;
    if (plugin.has_ap)
        link_start(features, true, plugin.rescan);
}

static void init_vcpu(unsigned vcpu, void *data)
{
    cpu_find_registers();
    if (!plugin.started)
        start();
}

static void translate(struct qemu_plugin_tb *tb, void *data)
{
    size_t n = plugin.has_ap ? qemu_plugin_tb_n_insns(tb) : 0;

    if (n)
        after_begin_block(tb);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint8_t text[4];

        if (qemu_plugin_insn_data(insn, text, sizeof(text)) < sizeof(text))
            continue;
        if (insn_add_ap(insn, text) || (!plugin.in_model && insn_add_facility(tb, i, text)) ||
            (plugin.is_lpar && insn_add_sclp(tb, i, text)) ||
            (plugin.has_sie && insn_add_sie(insn, text)))
            continue;
        insn_add_reset(insn, text);
    }
}

static bool parse_switch(const char *value, uint32_t feature, uint32_t *features)
{
    if (!strcmp(value, "on"))
        *features |= feature;
    else if (!strcmp(value, "off"))
        *features &= ~feature;
    else
        return false;
    return true;
}

static bool parse_limits(const char *value, struct link_limits *out)
{
    unsigned flags, adapter, domain;
    int end = 0;

    if (sscanf(value, "%8x:%3u:%3u%n", &flags, &adapter, &domain, &end) != 3 || value[end] ||
        adapter > 255 || domain > 255)
        return false;
    *out = (struct link_limits){flags, (uint8_t)adapter, (uint8_t)domain};
    return true;
}

/* Parses one key=value. False: unknown key or invalid value. */
static bool parse_option(const char *option, struct options *o)
{
    const char *value = strchr(option, '=');
    size_t key_len = value ? (size_t)(value - option) : 0;

#define KEY(name) (key_len == strlen(name) && !strncmp(option, name, key_len))
    if (!value)
        return false;
    value++;
    if (KEY("sock"))
        o->path = value;
    else if (KEY("rescan"))
        o->rescan = value;
    else if (KEY("name"))
        o->hello.name = value;
    else if (KEY("sie") && !strcmp(value, "on"))
        o->sie = true;
    else if (KEY("limits"))
        return parse_limits(value, &o->limits);
    else if (KEY("apft"))
        return parse_switch(value, GUEST_FEATURE_APFT, &o->hello.features);
    else if (KEY("apqci"))
        return parse_switch(value, GUEST_FEATURE_APQCI, &o->hello.features);
    else if (KEY("apqi"))
        return parse_switch(value, GUEST_FEATURE_APQI, &o->hello.features);
    else if (KEY("role") && !strcmp(value, "guest"))
        o->hello.role = GUEST_ROLE_GUEST;
    else if (KEY("role") && !strcmp(value, "lpar"))
        o->hello.role = GUEST_ROLE_LPAR;
    else
        return false;
    return true;
#undef KEY
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 0; i < argc; i++) {
        if (!parse_option(argv[i], o)) {
            fprintf(stderr, "apus: plugin argument not understood: %s\n", argv[i]);
            return false;
        }
    }
    if (!o->path)
        fprintf(stderr, "apus: the plugin needs sock=PATH\n");
    return o->path;
}

/* QEMU's name for the machine, in characters that the protocol has. */
static char *name_of_machine(void)
{
    const char *given = plugin.in_model ? internals_machine_name() : NULL;
    char *name = g_strndup(given ? given : "", GUEST_NAME_MAX);

    g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '_');
    if (given && strcmp(given, name) != 0)
        fprintf(stderr, "apus: the guest is called %s: a name has 63 letters, digits and . _ -\n",
                name);
    return name;
}

/* QEMU frees its arguments. */
static void complete(struct options *o)
{
    o->path = g_strdup(o->path);
    o->hello.name = o->hello.name ? g_strdup(o->hello.name) : name_of_machine();
    o->hello.name_len = strlen(o->hello.name);
    plugin.rescan = g_strdup(o->rescan);
    plugin.has_sie = o->sie && plugin.in_model;
    plugin.is_lpar = o->hello.role == GUEST_ROLE_LPAR;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    struct options o = default_options;

    if (!parse_options(argc, argv, &o))
        return -1;
    plugin.in_model = internals_find();
    complete(&o);
    if (link_init(o.path, &o.hello, &o.limits) < 0)
        return -1;
    if (plugin.in_model) {
        internals_offer(o.hello.features & link_ask_features(), o.sie);
    } else {
        plugin.has_ap = plugin.started = true;
        if (o.sie)
            fprintf(stderr, "apus: sie=on has no effect: the CPU model cannot be changed\n");
        link_start(o.hello.features & PATCHED_FEATURES, false, plugin.rescan);
    }
    qemu_plugin_register_vcpu_init_cb(id, init_vcpu, NULL);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate, NULL);
    return 0;
}
