/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "import/read.h"

/* JSON of mdevctl, or of a CPC. jansson bounds the depth. */

static int read_alone(struct known *k, const json_t *one,
                      int (*read)(struct known *, const json_t *, struct text *), struct text *why)
{
    json_t *list = json_pack("[O]", one);
    int rc = read(k, list, why);

    json_decref(list);
    return rc;
}

static int read_root(struct known *k, const char *name, const json_t *root, struct text *why)
{
    known_source(k, name, RANK_LIST);
    if (json_is_array(root))
        return read_mdevctl(k, root, why);
    if (json_object_get(root, "mdev_type"))
        return read_definition(k, name, root, why);
    if (json_object_get(root, "adapters")) {
        known_source(k, name, RANK_CPC);
        return read_alone(k, root, read_cpcs, why);
    }
    if (json_object_get(root, "matrix"))
        return read_alone(k, root, read_mdevctl, why);
    text_adds(why, "JSON that is neither mdevctl's nor the export of a CPC in DPM mode");
    return -EINVAL;
}

int read_json(struct known *k, const char *name, struct slice data, struct text *why)
{
    json_error_t error;
    json_t *root = json_loadb(data.at, data.len, JSON_REJECT_DUPLICATES, &error);
    int rc;

    if (!root) {
        text_addf(why, "not valid JSON in line %d: %s", error.line, error.text);
        return -EINVAL;
    }
    rc = read_root(k, name, root, why);
    json_decref(root);
    return rc;
}
