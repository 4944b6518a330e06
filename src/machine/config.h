/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_CONFIG_H
#define APUS_MACHINE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/abi.h"
#include "base/apqn.h"
#include "base/mask256.h"
#include "base/text.h"

/* A machine as described by its file, before it runs. */

enum ap_mode { AP_MODE_ACCEL, AP_MODE_CCA, AP_MODE_EP11 };

/* Facility bits of the TAPQ information [ap-tapq], as printed by ap_functions. */
#define AP_FN_SPECIAL 0x80000000u
#define AP_FN_MEX4K   0x40000000u
#define AP_FN_CRT4K   0x20000000u
#define AP_FN_CCA     0x10000000u
#define AP_FN_ACCEL   0x08000000u
#define AP_FN_EP11    0x04000000u
#define AP_FN_MODES   (AP_FN_CCA | AP_FN_ACCEL | AP_FN_EP11)
#define AP_FN_APXA    0x02000000u
#define AP_FN_SLCF    0x01000000u
#define AP_FN_FULL    0x00800000u

/* 16 characters and the terminator. */
#define AP_SERIAL_TEXT 17

struct adapter_config {
    uint8_t type;                /* hardware type 6..14 [ap-types]; 0: not installed */
    uint8_t mode;                /* enum ap_mode */
    bool configured;             /* true: online; false: standby */
    bool in_lpar;                /* assigned to the LPAR; false: only installed in the machine */
    uint8_t depth;               /* raw QD of TAPQ: queue depth minus 1 */
    uint8_t max_message;         /* raw ML of TAPQ: units of 4096 bytes, 0 = 12288 bytes */
    uint32_t functions;          /* AP_FN_* */
    char serial[AP_SERIAL_TEXT]; /* 8 characters (CCA) or 16 (EP11); empty = unknown */
};

/* QCI flags [ap-qci], the first four in the order of the features attribute. */
#define AP_QCI_APSC 0x80000000u
#define AP_QCI_APXA 0x40000000u
#define AP_QCI_QACT 0x20000000u
#define AP_QCI_RC8A 0x10000000u
#define AP_QCI_APSB 0x00800000u

/* What /proc/sysinfo says of machine and LPAR. Texts of capital letters and digits. */
struct machine_identity {
    char type[5], model[17], sequence_code[17], plant[5], lpar_name[9];
    uint8_t lpar_number;
    uint16_t cpus; /* of the LPAR, all of them shared */
};

struct machine_config {
    struct adapter_config adapters[AP_IDS];
    struct mask256 usage, control; /* domains of the LPAR */
    uint8_t max_adapter, max_domain;
    uint32_t features; /* AP_QCI_* */
    bool interrupts;   /* facility 65: queues can interrupt */
    enum abi_profile abi;
    /* Kernel parameters of the host [masks-kernel-parameters]: initial masks, and ap.domain= (-1:
     * choose). */
    struct mask256 apmask, aqmask;
    int default_domain;
    struct machine_identity identity;
};

/* An empty machine: no adapters, no domains, highest numbers 255, masks all ones. */
void machine_config_empty(struct machine_config *c);

/* The machine of the worked example: adapters 4 (CEX5P), 5 (CEX5C), 6 (CEX5A), domains 4, 0x47,
 * 0xab, 0xff. */
void machine_config_default(struct machine_config *c);

/*
 * Sets hardware type, mode, functions, depth and message size for "CEX2A" ... "CEX8P". The rest of
 * *out is left alone. -EINVAL: unknown name (CEX2P and CEX3P do not exist).
 */
int machine_adapter_type_parse(const char *name, struct adapter_config *out);

/* The inverse: "CEX5C". a->type and a->mode must be a valid pair. */
void machine_adapter_type_format(const struct adapter_config *a, char out[8]);

/* The names that the parser accepts, oldest first; NULL after the last. */
const char *machine_adapter_type_name(unsigned index);

/* A z16 with a partition of two CPUs. */
extern const struct machine_identity machine_identity_default;

/* The text of /proc/sysinfo [files-sysinfo]. */
void machine_sysinfo(const struct machine_identity *id, struct text *out);

/*
 * The default serial number of an adapter: 8 characters for a CCA card, 16 for an EP11 card, none
 * for an accelerator; different for each APID, the same in every run.
 */
void machine_serial_default(unsigned apid, uint8_t mode, char out[AP_SERIAL_TEXT]);

#endif
