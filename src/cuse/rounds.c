/* SPDX-License-Identifier: MIT */
#include "cuse/rounds.h"

#include <errno.h>
#include <string.h>

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static void want(struct round *r, uint64_t address, size_t len)
{
    if (!len)
        return;
    r->in[r->in_count++] = (struct iovec){at(address), len};
    r->in_len += len;
}

static void leave_room(struct round *r, uint64_t address, size_t len)
{
    if (!len)
        return;
    r->out[r->out_count++] = (struct iovec){at(address), len};
    r->out_len += len;
}

void round_structure(uint64_t address, size_t len, struct round *out)
{
    *out = (struct round){0};
    want(out, address, len);
}

void round_operands(const struct zcrypt_work *work, uint64_t structure, size_t done,
                    struct round *out)
{
    struct zcrypt_piece room[ZCRYPT_WRITTEN_PIECES];
    unsigned count = zcrypt_abi_expect(work, structure, room);
    bool last = work->in_len - done <= ROUND_BYTES;

    *out = (struct round){0};
    for (unsigned i = 0; i < work->in_count; i++) {
        size_t len = work->in[i].len, skip = done < len ? done : len, fits;

        done -= skip;
        fits = ROUND_BYTES - out->in_len;
        want(out, work->in[i].address + skip, len - skip < fits ? len - skip : fits);
    }
    for (unsigned i = 0; last && i < count; i++)
        leave_room(out, room[i].address, room[i].len);
}

int round_room(const struct zcrypt_answer *answer, uint64_t structure, struct round *out)
{
    *out = (struct round){0};
    want(out, structure, 1);
    for (unsigned i = 0; i < answer->count; i++) {
        if (answer->v[i].len > ROUND_BYTES - 1 - out->out_len)
            return -EMSGSIZE;
        leave_room(out, answer->v[i].address, answer->v[i].len);
    }
    return 0;
}

bool round_has_room(const struct round *r, const struct zcrypt_answer *answer)
{
    if (answer->count >= r->out_count)
        return false;
    for (unsigned i = 0; i < answer->count; i++)
        if (r->out[i].iov_base != at(answer->v[i].address) || r->out[i].iov_len != answer->v[i].len)
            return false;
    return true;
}

bool round_name(struct round *r, size_t name, uint64_t structure)
{
    if (name <= r->out_len || name > ROUND_BYTES)
        return false;
    leave_room(r, structure, name - r->out_len);
    return true;
}
