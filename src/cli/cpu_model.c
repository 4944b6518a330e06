/* SPDX-License-Identifier: MIT */
#include "cli/cpu_model.h"

#include <regex.h>
#include <string.h>

#include "cli/command.h"
#include "cli/value.h"

const char *const cpu_feature_names[CPU_FEATURES] = {"ap", "apft", "apqci", "apqi"};

/* The names of QEMU's models for s390x, with generations to come, and z15 and later by their
 * marketing names, too. */
#define MODELS                                                                                     \
    "^(host|max|qemu|(z(800|900|890|990)(\\.[2-5])?|z(9|10)(EC|BC)(\\.[23])?|z(196|114|13|14)(\\." \
    "2)?|"                                                                                         \
    "z(EC|BC)12(\\.2)?|z13s|z14ZR1|z1[5-9]|gen[1-9][0-9][ab])(-base)?)$"

static bool is_model(const char *word)
{
    regex_t models;
    bool is = regcomp(&models, MODELS, REG_EXTENDED | REG_NOSUB) == 0;

    if (is) {
        is = regexec(&models, word, 0, NULL, 0) == 0;
        regfree(&models);
    }
    return is;
}

/* "apft=off", "apft=on" or "apft". */
static int take_feature(char *word, struct cpu_model *out)
{
    char *value = strchr(word, '=');
    bool on = true;

    if (value)
        *value++ = '\0';
    if (value && value_on_off(value, &on))
        return 2;
    for (size_t i = 0; i < CPU_FEATURES; i++) {
        if (strcmp(word, cpu_feature_names[i]) == 0) {
            out->given[i] = true;
            out->on[i] = on;
            return 0;
        }
    }
    return cli_usage("there is no CPU feature '%s', only ap, apft, apqci and apqi, and before them "
                     "a model such as host or z16",
                     word);
}

int cpu_model_parse(char *text, struct cpu_model *out)
{
    char *rest = text;

    *out = (struct cpu_model){.on = {true, true, true, true}};
    for (char *word; (word = strsep(&rest, ","));) {
        if (word == text && is_model(word))
            out->name = word;
        else if (take_feature(word, out))
            return 2;
    }
    return 0;
}

/* The emulated CPU has whatever it can; others have no AP features. */
void cpu_model_format(const struct cpu_model *model, struct text *out)
{
    text_adds(out, "max");
    for (size_t i = 0; i < CPU_FEATURES; i++)
        if (model->given[i])
            text_addf(out, ",%s=%s", cpu_feature_names[i], model->on[i] ? "on" : "off");
}

json_t *cpu_features_json(unsigned features)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < CPU_FEATURES; i++)
        if (features >> i & 1)
            json_array_append_new(list, json_string(cpu_feature_names[i]));
    return list;
}
