/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_MACHINE_KEYS_H
#define APUS_STORE_MACHINE_KEYS_H

#include <stdint.h>

#include "base/mask256.h"
#include "machine/config.h"
#include "store/ini_values.h"

/* The keywords of a machine file, for both parser and formatter. */

enum machine_key {
    MACHINE_KEY_ABI,
    MACHINE_KEY_DOMAINS,
    MACHINE_KEY_CONTROL_DOMAINS,
    MACHINE_KEY_MAX_ADAPTER,
    MACHINE_KEY_MAX_DOMAIN,
    MACHINE_KEY_FEATURES,
    MACHINE_KEY_INTERRUPTS,
    MACHINE_KEY_APMASK,
    MACHINE_KEY_AQMASK,
    MACHINE_KEY_DOMAIN,
    MACHINE_KEY_TYPE,
    MACHINE_KEY_MODEL,
    MACHINE_KEY_SEQUENCE_CODE,
    MACHINE_KEY_PLANT,
    MACHINE_KEY_LPAR_NAME,
    MACHINE_KEY_LPAR_NUMBER,
    MACHINE_KEY_CPUS,
    MACHINE_KEYS
};

enum adapter_key {
    ADAPTER_KEY_TYPE,
    ADAPTER_KEY_SERIAL,
    ADAPTER_KEY_CONFIGURED,
    ADAPTER_KEY_LPAR,
    ADAPTER_KEY_FUNCTIONS,
    ADAPTER_KEY_DEPTH,
    ADAPTER_KEY_MAX_MSG_SIZE,
    ADAPTER_KEY_CHECKSTOPPED,
    ADAPTER_KEYS
};

/* No section has more keys. */
#define MACHINE_KEYS_MAX MACHINE_KEYS

/* Indexed by key, terminated by NULL. */
extern const char *const machine_key_names[MACHINE_KEYS + 1];
extern const char *const adapter_key_names[ADAPTER_KEYS + 1];

/* The keywords of features and their AP_QCI bits, terminated by a NULL name. */
struct machine_feature {
    const char *name;
    uint32_t bit;
};

extern const struct machine_feature machine_features[];

/*
 * The sections [machine] and [adapter] of a file. With checkstopped NULL there must be no other
 * section; else it gets the adapters that are check-stopped, and other sections are left alone.
 */
int machine_sections_read(const struct ini_reading *in, const struct ini_file *f,
                          struct machine_config *out, struct mask256 *checkstopped);

/* machine_file_format with check-stopped adapters. */
void machine_sections_format(const struct machine_config *c, const struct mask256 *checkstopped,
                             struct text *out);

/* The keys of [machine] that /proc/sysinfo shows; found: by key. Those that have their default are
 * not written. */
int machine_identity_read(const struct ini_reading *in, const struct ini_entry *const *found,
                          struct machine_identity *out);
void machine_identity_format(const struct machine_identity *id, struct text *out);

/* Appends "key = list", over several lines if it is long. */
void ini_list_format(const char *key, const struct mask256 *m, struct text *out);

#endif
