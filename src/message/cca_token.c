/* SPDX-License-Identifier: MIT */
#include "message/cca_token.h"

#include <errno.h>

#define TOKEN_EXTERNAL     0x1eu
#define SECTION_HEAD_BYTES 4u

int cca_token_sections(struct reader *r, struct span *sections)
{
    struct span head = reader_span(r, CCA_TOKEN_HEAD_BYTES);
    uint16_t len;

    if (r->short_input)
        return -EMSGSIZE;
    if (head.data[0] != TOKEN_EXTERNAL)
        return -EINVAL;
    len = be16_get(head.data + 2);
    if (len < CCA_TOKEN_HEAD_BYTES)
        return -EMSGSIZE;
    *sections = reader_span(r, len - CCA_TOKEN_HEAD_BYTES);
    return r->short_input ? -EMSGSIZE : 0;
}

int cca_token_section(struct span sections, uint8_t id, struct span *out)
{
    struct reader r = reader_of(sections);

    while (r.left.len) {
        size_t len = r.left.len >= SECTION_HEAD_BYTES ? be16_get(r.left.data + 2) : 0;
        struct span section;

        if (len < SECTION_HEAD_BYTES)
            return -EMSGSIZE;
        section = reader_span(&r, len);
        if (r.short_input)
            return -EMSGSIZE;
        if (section.data[0] == id) {
            *out = section;
            return 0;
        }
    }
    return -EINVAL;
}

void cca_token_start(size_t bytes, struct buffer *out)
{
    buffer_add_u8(out, TOKEN_EXTERNAL);
    buffer_add_u8(out, 0);
    buffer_add_u16(out, (uint16_t)bytes);
    buffer_add_u32(out, 0);
}
