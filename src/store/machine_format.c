/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "store/machine_file.h"
#include "store/machine_keys.h"

/* A long list continues on the next line after this many characters. */
#define LINE_FULL 72

void ini_list_format(const char *key, const struct mask256 *m, struct text *out)
{
    text_auto list = {0};
    size_t column;

    text_addf(out, "%s = ", key);
    column = strlen(key);
    ap_list_format(m, &list);
    for (const char *at = list.data; at && *at;) {
        size_t len = strcspn(at, ",");

        len += at[len] == ',';
        if (column + len > LINE_FULL) {
            text_adds(out, "\n    ");
            column = 0;
        }
        text_add(out, at, len);
        column += len;
        at += len;
    }
    text_adds(out, "\n");
}

static void mask_format(enum machine_key key, const struct mask256 *m, struct text *out)
{
    char text[MASK256_TEXT];

    mask256_format(m, text);
    text_addf(out, "%s = %s\n", machine_key_names[key], text);
}

static void switch_format(const char *key, bool on, struct text *out)
{
    text_addf(out, "%s = %s\n", key, on ? "yes" : "no");
}

static void features_format(uint32_t features, struct text *out)
{
    const char *separator = "";

    text_addf(out, "%s = ", machine_key_names[MACHINE_KEY_FEATURES]);
    for (const struct machine_feature *f = machine_features; f->name; f++) {
        if (!(features & f->bit))
            continue;
        text_addf(out, "%s%s", separator, f->name);
        separator = ",";
    }
    text_adds(out, "\n");
}

static void adapter_format(unsigned apid, const struct adapter_config *a, struct text *out)
{
    const char *const *keys = adapter_key_names;
    char type[8];

    machine_adapter_type_format(a, type);
    text_addf(out, apid < 10 ? "\n[adapter %u]\n" : "\n[adapter 0x%02x]\n", apid);
    text_addf(out, "%s = %s\n", keys[ADAPTER_KEY_TYPE], type);
    /* Written even if empty: without the line the adapter would get a default number. */
    if (a->mode != AP_MODE_ACCEL)
        text_addf(out, "%s = %s\n", keys[ADAPTER_KEY_SERIAL], a->serial);
    switch_format(keys[ADAPTER_KEY_CONFIGURED], a->configured, out);
    switch_format(keys[ADAPTER_KEY_LPAR], a->in_lpar, out);
    text_addf(out, "%s = 0x%08X\n", keys[ADAPTER_KEY_FUNCTIONS], (unsigned)a->functions);
    text_addf(out, "%s = %u\n", keys[ADAPTER_KEY_DEPTH], a->depth + 1u);
    text_addf(out, "%s = %u\n", keys[ADAPTER_KEY_MAX_MSG_SIZE],
              a->max_message ? a->max_message * 4096u : 12288u);
}

void machine_file_format(const struct machine_config *c, struct text *out)
{
    machine_sections_format(c, &(struct mask256){0}, out);
}

void machine_sections_format(const struct machine_config *c, const struct mask256 *checkstopped,
                             struct text *out)
{
    const char *const *keys = machine_key_names;

    text_addf(out, "[machine]\n%s = %s\n", keys[MACHINE_KEY_ABI], abi_get(c->abi)->name);
    ini_list_format(keys[MACHINE_KEY_DOMAINS], &c->usage, out);
    ini_list_format(keys[MACHINE_KEY_CONTROL_DOMAINS], &c->control, out);
    text_addf(out, "%s = %u\n", keys[MACHINE_KEY_MAX_ADAPTER], c->max_adapter);
    text_addf(out, "%s = %u\n", keys[MACHINE_KEY_MAX_DOMAIN], c->max_domain);
    features_format(c->features, out);
    switch_format(keys[MACHINE_KEY_INTERRUPTS], c->interrupts, out);
    mask_format(MACHINE_KEY_APMASK, &c->apmask, out);
    mask_format(MACHINE_KEY_AQMASK, &c->aqmask, out);
    if (c->default_domain >= 0)
        text_addf(out, "%s = %d\n", keys[MACHINE_KEY_DOMAIN], c->default_domain);
    machine_identity_format(&c->identity, out);
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        if (c->adapters[apid].type) {
            adapter_format(apid, &c->adapters[apid], out);
            if (mask256_test(checkstopped, apid))
                switch_format(adapter_key_names[ADAPTER_KEY_CHECKSTOPPED], true, out);
        }
}
