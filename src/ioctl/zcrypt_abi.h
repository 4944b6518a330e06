/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_ZCRYPT_ABI_H
#define APUS_IOCTL_ZCRYPT_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zcrypt/zcrypt.h"

/*
 * What crosses /dev/z90crypt, as bytes [zcrypt-structures]: numbers, and structures of programs of
 * 64 and of 32 bits (the narrow ones), which differ in their pointers alone. Integers are in the
 * host's byte order, which is the caller's. Nothing here touches the caller's memory: it says which
 * pieces of it are needed, and what is written back.
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

/* One of the four requests that carry a structure, and what it points to. */
struct zcrypt_work {
    uint32_t number;
    bool narrow;
    uint8_t bytes[ZCRYPT_STRUCT_MAX]; /* the structure as the caller has it */
    size_t struct_len;
    /* To be read, one behind the other. */
    struct zcrypt_piece in[ZCRYPT_PIECES];
    unsigned in_count;
    size_t in_len;
    /* Where the answer may go: result, or control block and data block. */
    struct zcrypt_piece out[2];
};

/* The length of a work request's structure; 0: the number is none. */
size_t zcrypt_abi_struct_len(uint32_t number, bool narrow);

/*
 * Reads a structure of that length; number is a work request. Errors: -EINVAL a length that cannot
 * be [zcrypt-limits]: no input, or an output shorter than it; a CPRB or EP11 block over 64 KiB;
 * replies that fill 32 bits. -ENODEV: an RSA operation of more bytes than any adapter takes.
 */
int zcrypt_abi_parse(uint32_t number, bool narrow, const uint8_t *structure,
                     struct zcrypt_work *out);

/*
 * The request, from the bytes of all pieces. targets must have room for in[0].len /
 * ZCRYPT_TARGET_BYTES of them (EP11 alone). The spans point into data.
 */
void zcrypt_abi_request(const struct zcrypt_work *work, const uint8_t *data,
                        struct zcrypt_target *targets, struct zcrypt_request *out);

/* What is to be written into the caller's memory, in this order, the structure last. */
struct zcrypt_answer {
    struct {
        uint64_t address;
        const uint8_t *data;
        size_t len;
    } v[ZCRYPT_WRITTEN_PIECES];
    unsigned count;
};

/*
 * The answer to a request. error is 0 or why it failed; reply is NULL if nothing came back. The
 * structure in work gets its new lengths and status, and belongs to the answer; structure is its
 * address. -EMSGSIZE: reply is longer than the caller has room.
 */
int zcrypt_abi_answer(struct zcrypt_work *work, uint64_t structure, int error,
                      const struct zcrypt_reply *reply, struct zcrypt_answer *out);

/*
 * One entry of the status matrix: hwtype 8 bits, qid 16 (old: 14), online 1, functions 6, reserved
 * the rest. The kernel declares bit fields, which a compiler lays out from the most significant bit
 * on big-endian machines and from the least significant on little-endian ones. A program that
 * declares the same fields finds the values here in both cases. So on s390x the bytes of card 5
 * domain 4 (CEX5C, online, functions 0x24) are 0b 05 04 c8, on x86-64 0b 04 05 49.
 */
void zcrypt_abi_status(const struct zcrypt_status *status, uint16_t qn, bool old, bool big_endian,
                       uint8_t out[ZCRYPT_STATUS_BYTES]);

#endif
