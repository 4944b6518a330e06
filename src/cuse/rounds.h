/* SPDX-License-Identifier: MIT */
#ifndef APUS_CUSE_ROUNDS_H
#define APUS_CUSE_ROUNDS_H

#include <sys/uio.h>

#include "ioctl/zcrypt_abi.h"

/*
 * What a round of an ioctl asks for. The kernel knows nothing of the structures of an ioctl: the
 * daemon answers with addresses of what it wants to read and to write, and the kernel sends the
 * ioctl again, with the bytes of the former and as much room as the latter. Pure.
 *
 * A call takes three or four rounds: the structure, the operands, with room for the answer if its
 * places are known by then (RSA), else the room. Operands that are too long for one round take
 * more.
 */
#define ROUND_BYTES 131072u /* in a round, each way */
#define ROUND_NAMES 4096u

/*
 * A caller cannot be told by its thread: that has no number here if it is in another PID namespace.
 * So what a call asks has a length of its own, 1 to ROUND_NAMES bytes of room that nobody fills,
 * behind the rest. The kernel tells the length with the next round, and no program can change it.
 */
struct round {
    struct iovec in[ZCRYPT_PIECES + 1], out[ZCRYPT_WRITTEN_PIECES + 1];
    unsigned in_count, out_count;
    size_t in_len, out_len;
};

void round_structure(uint64_t address, size_t len, struct round *out);

/* The next part of the operands, behind the first done bytes, and the room for the answer if work
 * tells it, and this is the last part. */
void round_operands(const struct zcrypt_work *work, uint64_t structure, size_t done,
                    struct round *out);

/* Room for an answer. One byte of the structure is read, too: after rounds with input the kernel
 * (up to 7.2 at least) garbles one without. -EMSGSIZE: it does not fit in one round. */
int round_room(const struct zcrypt_answer *answer, uint64_t structure, struct round *out);

/* Whether the answer fits exactly into the first pieces of out. */
bool round_has_room(const struct round *r, const struct zcrypt_answer *answer);

/* Adds the length that makes out_len to name. False: that is more than a round can have. */
bool round_name(struct round *r, size_t name, uint64_t structure);

#endif
