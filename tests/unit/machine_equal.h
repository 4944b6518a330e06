/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_MACHINE_EQUAL_H
#define APUS_TESTS_MACHINE_EQUAL_H

#include <string.h>

#include "machine/config.h"

/* Compares field by field, since padding is undefined. Shared with the fuzz target. */
static inline bool adapter_equal(const struct adapter_config *a, const struct adapter_config *b)
{
    return a->type == b->type && a->mode == b->mode && a->configured == b->configured &&
           a->in_lpar == b->in_lpar && a->depth == b->depth && a->max_message == b->max_message &&
           a->functions == b->functions && strcmp(a->serial, b->serial) == 0;
}

static inline bool identity_equal(const struct machine_identity *a,
                                  const struct machine_identity *b)
{
    return strcmp(a->type, b->type) == 0 && strcmp(a->model, b->model) == 0 &&
           strcmp(a->sequence_code, b->sequence_code) == 0 && strcmp(a->plant, b->plant) == 0 &&
           strcmp(a->lpar_name, b->lpar_name) == 0 && a->lpar_number == b->lpar_number &&
           a->cpus == b->cpus;
}

static inline bool machine_equal(const struct machine_config *a, const struct machine_config *b)
{
    for (unsigned i = 0; i < AP_IDS; i++)
        if (!adapter_equal(&a->adapters[i], &b->adapters[i]))
            return false;
    return mask256_equal(&a->usage, &b->usage) && mask256_equal(&a->control, &b->control) &&
           a->max_adapter == b->max_adapter && a->max_domain == b->max_domain &&
           a->features == b->features && a->interrupts == b->interrupts && a->abi == b->abi &&
           mask256_equal(&a->apmask, &b->apmask) && mask256_equal(&a->aqmask, &b->aqmask) &&
           a->default_domain == b->default_domain && identity_equal(&a->identity, &b->identity);
}

#endif
