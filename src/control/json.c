/* SPDX-License-Identifier: MIT */
#include "control/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/apqn.h"
#include "base/text.h"

json_t *control_json_string(const char *string)
{
    json_t *value = json_string(string);
    char *copy;

    if (value)
        return value;
    copy = xstrdup(string);
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(copy);
    free(copy);
    if (!value)
        abort();
    return value;
}

void control_json_set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) < 0)
        abort();
}

void control_json_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) < 0)
        abort();
}

json_t *control_json_ids(const struct mask256 *mask)
{
    json_t *ids = json_array();

    mask256_for_each (id, mask)
        control_json_append(ids, json_integer(id));
    return ids;
}

void control_json_matrix(json_t *object, const struct mask256 *apm, const struct mask256 *aqm,
                         const struct mask256 *adm)
{
    control_json_set(object, "adapters", control_json_ids(apm));
    control_json_set(object, "domains", control_json_ids(aqm));
    control_json_set(object, "control_domains", control_json_ids(adm));
}

json_t *control_json_apqns(const struct mask256 *apm, const struct mask256 *aqm)
{
    json_t *apqns = json_array();
    char name[AP_QN_TEXT];

    mask256_for_each (apid, apm) {
        mask256_for_each (apqi, aqm) {
            ap_qn_format(AP_QN(apid, apqi), name);
            control_json_append(apqns, json_string(name));
        }
    }
    return apqns;
}

json_t *control_json_mask(const struct mask256 *mask)
{
    char text[MASK256_TEXT];

    mask256_format(mask, text);
    return json_string(text);
}

json_t *control_json_date(const struct timespec *date)
{
    char day[32], text[64];
    struct tm utc;

    gmtime_r(&date->tv_sec, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%06ldZ", day, date->tv_nsec / 1000);
    return json_string(text);
}
