/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_CPU_MODEL_H
#define APUS_CLI_CPU_MODEL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/* A CPU model as QEMU's -cpu takes it: "host,ap=on,apqci=on,apft=on". Only AP features count. */
enum { CPU_FEATURE_AP, CPU_FEATURES = 4 };

struct cpu_model {
    const char *name; /* NULL: none was given */
    bool given[CPU_FEATURES], on[CPU_FEATURES];
};

extern const char *const cpu_feature_names[CPU_FEATURES];

/* Cuts text into words, to which *out points. What is not given is on. 0, or 2 after a sentence
 * that says what is wrong. */
int cpu_model_parse(char *text, struct cpu_model *out);

/* For QEMU: the model that has these features, and those that were given. */
void cpu_model_format(const struct cpu_model *model, struct text *out);

/* The names of the features in the bits GUEST_*, as the control protocol takes them. */
json_t *cpu_features_json(unsigned features);

#endif
