/* SPDX-License-Identifier: MIT */
#include "store/machine_keys.h"

/* The words of a machine file. */

const char *const machine_key_names[MACHINE_KEYS + 1] = {
    [MACHINE_KEY_ABI] = "abi",
    [MACHINE_KEY_DOMAINS] = "domains",
    [MACHINE_KEY_CONTROL_DOMAINS] = "control-domains",
    [MACHINE_KEY_MAX_ADAPTER] = "max-adapter",
    [MACHINE_KEY_MAX_DOMAIN] = "max-domain",
    [MACHINE_KEY_FEATURES] = "features",
    [MACHINE_KEY_INTERRUPTS] = "interrupts",
    [MACHINE_KEY_APMASK] = "apmask",
    [MACHINE_KEY_AQMASK] = "aqmask",
    [MACHINE_KEY_DOMAIN] = "domain",
    [MACHINE_KEY_TYPE] = "machine-type",
    [MACHINE_KEY_MODEL] = "model",
    [MACHINE_KEY_SEQUENCE_CODE] = "sequence-code",
    [MACHINE_KEY_PLANT] = "plant",
    [MACHINE_KEY_LPAR_NAME] = "lpar-name",
    [MACHINE_KEY_LPAR_NUMBER] = "lpar-number",
    [MACHINE_KEY_CPUS] = "cpus",
};

const char *const adapter_key_names[ADAPTER_KEYS + 1] = {
    [ADAPTER_KEY_TYPE] = "type",
    [ADAPTER_KEY_SERIAL] = "serial",
    [ADAPTER_KEY_CONFIGURED] = "configured",
    [ADAPTER_KEY_LPAR] = "lpar",
    [ADAPTER_KEY_FUNCTIONS] = "functions",
    [ADAPTER_KEY_DEPTH] = "depth",
    [ADAPTER_KEY_MAX_MSG_SIZE] = "max-msg-size",
    [ADAPTER_KEY_CHECKSTOPPED] = "checkstopped",
};

const struct machine_feature machine_features[] = {
    {"APSC", AP_QCI_APSC}, {"APXA", AP_QCI_APXA}, {"QACT", AP_QCI_QACT},
    {"RC8A", AP_QCI_RC8A}, {"APSB", AP_QCI_APSB}, {NULL, 0},
};
