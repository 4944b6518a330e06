/* SPDX-License-Identifier: MIT */
/* Replies to EP11 queries about a module or a domain. */
#include "message/ep11.h"

#include <errno.h>

void ep11_module_format(const struct ep11_module_info *info, struct buffer *out)
{
    buffer_add_u32(out, info->api_ordinal);
    buffer_add_u32(out, 0); /* firmware identifier */
    buffer_add_u8(out, info->firmware_major);
    buffer_add_u8(out, info->firmware_minor);
    buffer_add_u16(out, 0);     /* versions of the underlying layer */
    buffer_extend(out, 3 * 32); /* digests of firmware and configurations */
    buffer_add(out, info->serial, EP11_SERIAL_BYTES);
    buffer_extend(out, 16); /* date and time */
    buffer_add_u64(out, info->op_modes);
    buffer_extend(out, 2 * 4); /* flags */
    buffer_add_u32(out, info->domains);
    buffer_extend(out, 6 * 4); /* sizes of states and blobs */
    buffer_add_u32(out, info->max_payload);
    buffer_extend(out, 2 * 4); /* control points */
}

int ep11_module_parse(struct span data, struct ep11_module_info *out)
{
    struct ep11_module_info info = {0};
    const uint8_t *b = data.data;

    if (data.len < EP11_MODULE_BYTES)
        return -EMSGSIZE;
    info.api_ordinal = be32_get(b);
    info.firmware_major = b[8];
    info.firmware_minor = b[9];
    memcpy(info.serial, b + 108, EP11_SERIAL_BYTES);
    info.op_modes = be64_get(b + 140);
    info.domains = be32_get(b + 156);
    info.max_payload = be32_get(b + 184);
    *out = info;
    return 0;
}

void ep11_domain_format(const struct ep11_domain_info *info, struct buffer *out)
{
    buffer_add_u32(out, info->index);
    buffer_add(out, info->current, EP11_PATTERN_BYTES);
    buffer_add(out, info->next, EP11_PATTERN_BYTES);
    buffer_add_u32(out, info->flags);
    buffer_add_u64(out, info->op_modes);
}

int ep11_domain_parse(struct span data, struct ep11_domain_info *out)
{
    struct ep11_domain_info info = {0};
    const uint8_t *b = data.data;

    if (data.len < EP11_DOMAIN_BYTES)
        return -EMSGSIZE;
    info.index = be32_get(b);
    memcpy(info.current, b + 4, EP11_PATTERN_BYTES);
    memcpy(info.next, b + 36, EP11_PATTERN_BYTES);
    info.flags = be32_get(b + 68);
    info.op_modes = be64_get(b + 72);
    *out = info;
    return 0;
}
