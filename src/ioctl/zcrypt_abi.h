/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_ZCRYPT_ABI_H
#define APUS_IOCTL_ZCRYPT_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zcrypt/zcrypt.h"

/*
 * The ABI of /dev/z90crypt [zcrypt-structures]: ioctl numbers, and the structures of 64-bit and
 * 32-bit (narrow) programs, which differ only in their pointers. Integers are in native byte order.
 * Nothing here accesses the caller's memory: the functions compute which pieces of it are needed,
 * and what to write back.
 */
enum zcrypt_ioctl {
    IOCTL_ZSENDEP11CPRB = 0xc0007a04,
    IOCTL_ICARSAMODEXPO = 0xc0007a05,
    IOCTL_ICARSACRT = 0xc0007a06,
    IOCTL_REQUESTQ_COUNT = 0x80047a44,
    IOCTL_PENDINGQ_COUNT = 0x80047a45,
    IOCTL_TOTALOPEN_COUNT = 0x80047a46,
    IOCTL_DOMAIN_INDEX = 0x80047a47,
    IOCTL_OLD_STATUS_MASK = 0x80407a48,
    IOCTL_OLD_QDEPTH_MASK = 0x80407a49,
    IOCTL_OLD_PERDEV_REQCNT = 0x81007a4a,
    IOCTL_ZDEVICESTATUS = 0xc0007a4f,
    IOCTL_STATUS_MASK = 0x81007a58,
    IOCTL_QDEPTH_MASK = 0x81007a59,
    IOCTL_PERDEV_REQCNT = 0x84007a5a,
    IOCTL_DEVICE_STATUS = 0xc0007a5f,
    IOCTL_ZSECSENDCPRB = 0xc0007a81,
};

#define ZCRYPT_OLD_CARDS      64u
#define ZCRYPT_STATUS_BYTES   4u
#define ZCRYPT_STRUCT_MAX     94u
#define ZCRYPT_CONTROL_MAX    65536u /* control block and data block of a CPRB, each */
#define ZCRYPT_PIECES         7u
#define ZCRYPT_WRITTEN_PIECES 3u
#define ZCRYPT_TARGET_BYTES   4u

/* A range of the caller's memory. */
struct zcrypt_piece {
    uint64_t address;
    uint32_t len;
};

/* One of the four requests with a structure, and what that points to. */
struct zcrypt_work {
    uint32_t number;
    bool narrow;
    uint8_t bytes[ZCRYPT_STRUCT_MAX]; /* the caller's structure */
    size_t struct_len;
    /* The operands to read, one after the other. */
    struct zcrypt_piece in[ZCRYPT_PIECES];
    unsigned in_count;
    size_t in_len;
    /* The buffers for the answer: result, or control block and data block. */
    struct zcrypt_piece out[2];
};

/* The length of a request's structure; 0: the number is not one of the four. */
size_t zcrypt_abi_struct_len(uint32_t number, bool narrow);

/*
 * Parses a structure of that length; number must be one of the four. -EINVAL: an invalid length
 * [zcrypt-limits] (no input, or an output shorter than it; a CPRB or EP11 block over 64 KiB, or
 * shorter than its header; reply lengths that overflow 32 bits). -ENODEV: an RSA operand longer
 * than any adapter supports. The structure is in out in each case.
 */
int zcrypt_abi_parse(uint32_t number, bool narrow, const uint8_t *structure,
                     struct zcrypt_work *out);

/*
 * Builds the request from the bytes of all pieces. targets must have room for in[0].len /
 * ZCRYPT_TARGET_BYTES entries (only EP11). The spans point into data.
 */
void zcrypt_abi_request(const struct zcrypt_work *work, const uint8_t *data,
                        struct zcrypt_target *targets, struct zcrypt_request *out);

/* What to write to the caller's memory, in this order, the structure last. */
struct zcrypt_answer {
    struct {
        uint64_t address;
        const uint8_t *data;
        size_t len;
    } v[ZCRYPT_WRITTEN_PIECES];
    unsigned count;
};

/*
 * Builds the answer to a request. error: 0 or the errno of its failure; reply: NULL if there is
 * none, and none with a result of 0. The structure in work gets the new lengths and status, and the
 * answer points into it; structure is its address. -EMSGSIZE: the reply is longer than the caller's
 * buffer.
 */
int zcrypt_abi_answer(struct zcrypt_work *work, uint64_t structure, int error,
                      const struct zcrypt_reply *reply, struct zcrypt_answer *out);

/* Where the answer to a request that succeeds goes, in the order of zcrypt_abi_answer. Returns the
 * number of pieces; 0: that is known only with the reply. */
unsigned zcrypt_abi_expect(const struct zcrypt_work *work, uint64_t structure,
                           struct zcrypt_piece out[ZCRYPT_WRITTEN_PIECES]);

/*
 * An entry of the status matrix: hwtype 8 bits, qid 16 (old: 14), online 1, functions 6, the rest
 * reserved. The kernel declares these as bit fields, which compilers lay out from the most
 * significant bit on big-endian machines and from the least significant on little-endian ones. The
 * result matches what a program with the same declaration expects. So on s390x the bytes of card 5
 * domain 4 (CEX5C, online, functions 0x24) are 0b 05 04 c8, on x86-64 0b 04 05 49.
 */
void zcrypt_abi_status(const struct zcrypt_status *status, uint16_t qn, bool old, bool big_endian,
                       uint8_t out[ZCRYPT_STATUS_BYTES]);

#endif
