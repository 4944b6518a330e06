/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCG plugin for qemu-system-s390x 11: the guest has AP instructions, executed by a server that
 * speaks the guest protocol.
 *
 *   -plugin apus-ap.so,sock=PATH[,name=NAME][,mdev=UUID][,role=guest|lpar][,apft=off][,apqci=off]
 *           [,rescan=PIPE]
 *
 * PATH and PIPE have no commas, since QEMU separates arguments by them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "insn.h"
#include "link.h"
#include "plugin_api.h"

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_API_VERSION;
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

/* No facility 65: a plugin cannot present interruptions. Linux then polls. */
static const struct guest_hello default_hello = {
    .version = GUEST_PROTOCOL_VERSION,
    .role = GUEST_ROLE_GUEST,
    .features = GUEST_FEATURE_AP | GUEST_FEATURE_APFT | GUEST_FEATURE_APQCI,
};

struct options {
    const char *path, *rescan;
    struct guest_hello hello;
};

static bool is_lpar;

static void init_vcpu(unsigned vcpu, void *data)
{
    cpu_find_registers();
}

static void translate(struct qemu_plugin_tb *tb, void *data)
{
    size_t n = qemu_plugin_tb_n_insns(tb);

    after_begin_block(tb);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint8_t text[4];

        if (qemu_plugin_insn_data(insn, text, sizeof(text)) < sizeof(text))
            continue;
        if (insn_add_ap(insn, text) || insn_add_facility(tb, i, text) ||
            (is_lpar && insn_add_sclp(tb, i, text)))
            continue;
        insn_add_reset(insn, text);
    }
}

/* 32 hex digits with or without dashes. */
static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    unsigned digits = 0;

    for (; *text; text++) {
        int value = g_ascii_xdigit_value(*text);

        if (*text == '-')
            continue;
        if (value < 0 || digits == 32)
            return false;
        uuid[digits / 2] = uuid[digits / 2] << 4 | value;
        digits++;
    }
    return digits == 32;
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

/* One key=value. False: unknown or wrong. */
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
    else if (KEY("mdev"))
        return parse_uuid(value, o->hello.mdev);
    else if (KEY("apft"))
        return parse_switch(value, GUEST_FEATURE_APFT, &o->hello.features);
    else if (KEY("apqci"))
        return parse_switch(value, GUEST_FEATURE_APQCI, &o->hello.features);
    else if (KEY("role") && !strcmp(value, "guest"))
        o->hello.role = GUEST_ROLE_GUEST;
    else if (KEY("role") && !strcmp(value, "lpar"))
        o->hello.role = GUEST_ROLE_LPAR;
    else
        return false;
    return true;
#undef KEY
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    struct options o = {.hello = default_hello};

    for (int i = 0; i < argc; i++) {
        if (!parse_option(argv[i], &o)) {
            fprintf(stderr, "apus: plugin argument not understood: %s\n", argv[i]);
            return -1;
        }
    }
    if (!o.path) {
        fprintf(stderr, "apus: the plugin needs sock=PATH\n");
        return -1;
    }
    o.path = g_strdup(o.path);
    o.hello.name = g_strdup(o.hello.name ? o.hello.name : "");
    o.hello.name_len = strlen(o.hello.name);
    if (link_init(o.path, &o.hello) < 0)
        return -1;
    link_watch(o.rescan ? g_strdup(o.rescan) : NULL);
    is_lpar = o.hello.role == GUEST_ROLE_LPAR;
    qemu_plugin_register_vcpu_init_cb(id, init_vcpu, NULL);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate, NULL);
    return 0;
}
