/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_JSON_H
#define APUS_STORE_RECORD_JSON_H

#include <jansson.h>

#include "core/commands.h"
#include "store/record.h"

/* Private to the recorder. */

/* What an entry of a recording points to. */
struct record_memory {
    json_t *line;
    struct machine_config machine;
    void **blocks; /* what the line does not hold as it is */
    unsigned block_count;
};

static inline const struct field *rsa_fields(const struct rsa_request *r)
{
    return r->crt ? rsa_crt_fields : rsa_me_fields;
}

#endif
