/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_OUTCOME_H
#define APUS_MESSAGE_OUTCOME_H

#include "message/bytes.h"

/*
 * How zcrypt judges a reply [messages-judgement]; returned by the judge functions of the codecs.
 * error is 0, -EINVAL (the request is at fault), -EAGAIN (try another queue) or -EMSGSIZE. offline:
 * the queue is to be set offline, with a uevent. The spans point into the reply.
 */
struct outcome {
    int error;
    bool offline;
    uint8_t code;            /* of an error reply, or the type 86 reply code; 0: none */
    uint16_t rtcode, rscode; /* of the service, where there is one */
    uint32_t status;         /* field status of an xcRB */
    struct span control;     /* reply control block (CPRB and parameters) */
    struct span data;        /* result of ME, CRT and random; data block of an xcRB */
};

/* Reply types, the second byte of a reply. */
enum reply_type {
    REPLY_TYPE80 = 0x80,
    REPLY_TYPE82 = 0x82,
    REPLY_TYPE84 = 0x84, /* message/older.h: unknown to today's drivers */
    REPLY_TYPE86 = 0x86,
    REPLY_TYPE88 = 0x88,
};

/*
 * Codes of error replies [messages-error-codes]. 82 and 88 share the numbers; zcrypt does not
 * distinguish the two types.
 */
enum error_code {
    ERROR_MACHINE_FAILURE = 0x10,
    ERROR_MESSAGE_TYPE = 0x20,
    ERROR_MALFORMED_88 = 0x22,
    ERROR_LENGTH_88 = 0x23,
    ERROR_RESERVED_FIELD = 0x24,
    ERROR_FORMAT_FIELD = 0x29,
    ERROR_KEY_TYPE = 0x34,
    ERROR_MALFORMED = 0x40,
    ERROR_INVALID_SPECIAL = 0x41,
    ERROR_LENGTH = 0x80,
    ERROR_OPERAND_INVALID = 0x82,
    ERROR_OPERAND_SIZE = 0x84,
    ERROR_EVEN_MODULUS = 0x85,
    ERROR_INVALID_DOMAIN = 0x8a,
    ERROR_FILTERED = 0x8b,
    ERROR_TRANSPORT = 0x90,
    ERROR_TRUNCATED = 0xa0,
};

#define ERROR_REPLY_BYTES 8u
/* xcRB.status of a request that ended in an error reply [messages-xcrb-status]. */
#define XCRB_STATUS_ERROR 0x0008044du

/* Appends an error reply of type 82 or 88. 0, or -ENOSPC with out unchanged. */
int error_reply_format(enum reply_type type, uint8_t code, struct buffer *out);

/* -EINVAL for the codes that mean the request is at fault, -EAGAIN for all others. */
int error_code_errno(uint8_t code);

/*
 * Judges a reply that is not a success: an error reply of type 82 or 88 gives its code's error;
 * anything else, also if too short, gives -EAGAIN and sets the queue offline.
 */
struct outcome error_reply_judge(struct span reply);

#endif
