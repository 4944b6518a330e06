/* SPDX-License-Identifier: MIT */
#include "machine/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCEL_2K (AP_FN_ACCEL | AP_FN_APXA)
#define ACCEL_4K (ACCEL_2K | AP_FN_MEX4K | AP_FN_CRT4K)
#define ACCEL_6  (ACCEL_4K | AP_FN_FULL)
#define CCA      (AP_FN_SPECIAL | AP_FN_CCA | AP_FN_APXA)
#define CCA_6    (CCA | AP_FN_FULL)
#define EP11     (AP_FN_EP11 | AP_FN_APXA)
#define EP11_6   (EP11 | AP_FN_FULL)

/* All generations have queues of 8 requests. */
#define DEPTH_8 7

/*
 * Accelerators support 4096-bit keys from CEX3 on. Up to CEX7 the message size is "unknown", which
 * means 12 KiB; CEX8 reports 8 units or more [ap-message-size].
 */
static const struct {
    char name[8];
    uint8_t type, mode, depth, max_message;
    uint32_t functions;
} types[] = {
    {"CEX2A", 6, AP_MODE_ACCEL, DEPTH_8, 0, ACCEL_2K},
    {"CEX2C", 7, AP_MODE_CCA, DEPTH_8, 0, CCA},
    {"CEX3A", 8, AP_MODE_ACCEL, DEPTH_8, 0, ACCEL_4K},
    {"CEX3C", 9, AP_MODE_CCA, DEPTH_8, 0, CCA},
    {"CEX4A", 10, AP_MODE_ACCEL, DEPTH_8, 0, ACCEL_4K},
    {"CEX4C", 10, AP_MODE_CCA, DEPTH_8, 0, CCA},
    {"CEX4P", 10, AP_MODE_EP11, DEPTH_8, 0, EP11},
    {"CEX5A", 11, AP_MODE_ACCEL, DEPTH_8, 0, ACCEL_4K},
    {"CEX5C", 11, AP_MODE_CCA, DEPTH_8, 0, CCA},
    {"CEX5P", 11, AP_MODE_EP11, DEPTH_8, 0, EP11},
    {"CEX6A", 12, AP_MODE_ACCEL, DEPTH_8, 0, ACCEL_6},
    {"CEX6C", 12, AP_MODE_CCA, DEPTH_8, 0, CCA_6},
    {"CEX6P", 12, AP_MODE_EP11, DEPTH_8, 0, EP11_6},
    {"CEX7A", 13, AP_MODE_ACCEL, DEPTH_8, 0, ACCEL_6},
    {"CEX7C", 13, AP_MODE_CCA, DEPTH_8, 0, CCA_6},
    {"CEX7P", 13, AP_MODE_EP11, DEPTH_8, 0, EP11_6},
    {"CEX8A", 14, AP_MODE_ACCEL, DEPTH_8, 8, ACCEL_6},
    {"CEX8C", 14, AP_MODE_CCA, DEPTH_8, 8, CCA_6},
    {"CEX8P", 14, AP_MODE_EP11, DEPTH_8, 8, EP11_6},
};

#define TYPES (sizeof types / sizeof types[0])

void machine_config_empty(struct machine_config *c)
{
    *c = (struct machine_config){
        .max_adapter = 255,
        .max_domain = 255,
        .features = AP_QCI_APSC | AP_QCI_APXA,
        .interrupts = true,
        .abi = ABI_PROPOSAL,
        .apmask = mask256_ones(),
        .aqmask = mask256_ones(),
        .default_domain = -1,
        .identity = machine_identity_default,
    };
}

static void adapter_install(struct machine_config *c, unsigned apid, const char *type)
{
    struct adapter_config *a = &c->adapters[apid];

    if (machine_adapter_type_parse(type, a) < 0)
        abort();
    a->configured = true;
    a->in_lpar = true;
    machine_serial_default(apid, a->mode, a->serial);
}

void machine_config_default(struct machine_config *c)
{
    static const uint8_t domains[] = {4, 0x47, 0xab, 0xff};

    machine_config_empty(c);
    adapter_install(c, 4, "CEX5P");
    adapter_install(c, 5, "CEX5C");
    adapter_install(c, 6, "CEX5A");
    for (size_t i = 0; i < sizeof domains; i++)
        mask256_set(&c->usage, domains[i]);
    c->control = c->usage;
}

void machine_serial_default(unsigned apid, uint8_t mode, char out[AP_SERIAL_TEXT])
{
    memset(out, 0, AP_SERIAL_TEXT);
    if (mode == AP_MODE_CCA)
        snprintf(out, AP_SERIAL_TEXT, "93AABE%02X", apid & 0xff);
    else if (mode == AP_MODE_EP11)
        snprintf(out, AP_SERIAL_TEXT, "93AABE%02X190600%02X", apid & 0xff, apid & 0xff);
}

int machine_adapter_type_parse(const char *name, struct adapter_config *out)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (strcmp(name, types[i].name) != 0)
            continue;
        out->type = types[i].type;
        out->mode = types[i].mode;
        out->depth = types[i].depth;
        out->max_message = types[i].max_message;
        out->functions = types[i].functions;
        return 0;
    }
    return -EINVAL;
}

void machine_adapter_type_format(const struct adapter_config *a, char out[8])
{
    for (size_t i = 0; i < TYPES; i++) {
        if (a->type == types[i].type && a->mode == types[i].mode) {
            memcpy(out, types[i].name, sizeof types[i].name);
            return;
        }
    }
    abort();
}

const char *machine_adapter_type_name(unsigned index)
{
    return index < TYPES ? types[index].name : NULL;
}
