/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_PROTOCOL_H
#define APUS_GUEST_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * The guest protocol, version 1: AP instructions and notifications between a guest (or a Linux that
 * is the LPAR itself) and the daemon, on a Unix stream socket. docs/guest-protocol.md is the
 * reference; this header has its numbers and the decoded form of each frame. The structures do not
 * have the layout of the wire; src/guest/protocol.h converts.
 *
 * Every integer on the wire is big-endian. A frame is
 *     length (4, of the whole frame) | type (2) | zero (2) | id (4) | payload
 */
#define GUEST_PROTOCOL_MAGIC   0x41504753u /* "APGS" */
#define GUEST_PROTOCOL_VERSION 1

#define GUEST_HEADER_SIZE 12
/* The longest message of an adapter has 15 x 4096 bytes (field ML of TAPQ), so one frame always
 * carries it. */
#define GUEST_DATA_MAX  65536
#define GUEST_FRAME_MAX (GUEST_HEADER_SIZE + 96 + GUEST_DATA_MAX)
#define GUEST_NAME_MAX  63
#define GUEST_TEXT_MAX  512

enum guest_frame_type {
    GUEST_HELLO = 1,       /* client: first frame, once */
    GUEST_WELCOME = 2,     /* server: answer to HELLO */
    GUEST_REFUSE = 3,      /* server: refuses HELLO, or ends the session later; then it closes */
    GUEST_INSN = 4,        /* client: an AP instruction of one of its CPUs */
    GUEST_INSN_REPLY = 5,  /* server */
    GUEST_SERVC = 6,       /* client, role lpar only: Configure or Deconfigure AP */
    GUEST_SERVC_REPLY = 7, /* server */
    GUEST_NOTIFY = 8,      /* server: a notification; id is 0 */
    GUEST_RESET = 9,       /* client: system reset of the guest; zeroizes all its queues */
    GUEST_RESET_REPLY = 10 /* server: the resets are started */
};

enum guest_role {
    GUEST_ROLE_GUEST = 1, /* a guest: has the queues of its mediated device */
    GUEST_ROLE_LPAR = 2,  /* the LPAR: has the queues of the machine */
    GUEST_ROLE_NONE = 3   /* only asks which features would be granted */
};

/* Features, named as the CPU model features of QEMU. */
#define GUEST_FEATURE_AP    0x00000001u /* AP instructions */
#define GUEST_FEATURE_APFT  0x00000002u /* facility 15: T bit of TAPQ */
#define GUEST_FEATURE_APQCI 0x00000004u /* facility 12: QCI */
#define GUEST_FEATURE_APQI  0x00000008u /* facility 65: AQIC and interrupts */
#define GUEST_FEATURE_ALL   0x0000000fu

#define GUEST_OPCODE_NQAP 0xb2ad
#define GUEST_OPCODE_DQAP 0xb2ae
#define GUEST_OPCODE_PQAP 0xb2af

/* SCLP command words; bits 16-23 (0x0000ff00) are the adapter number. */
#define GUEST_SERVC_CONFIGURE   0x001f0001u
#define GUEST_SERVC_DECONFIGURE 0x001e0001u

enum guest_notify_kind {
    GUEST_NOTIFY_CONFIG = 1,   /* the set of adapters, domains or control domains changed */
    GUEST_NOTIFY_DETACH = 2,   /* the mediated device is to be removed: close the connection */
    GUEST_NOTIFY_INTERRUPT = 3 /* a queue with interrupts enabled has a reply (feature apqi) */
};

struct guest_hello {
    uint16_t version;  /* the highest that the client supports */
    uint8_t role;      /* enum guest_role */
    uint32_t features; /* those of the guest's CPU model */
    uint8_t mdev[16];  /* UUID of the mediated device in text order; all zero: none given */
    const char *name;  /* not NUL-terminated; letters, digits and . _ - */
    size_t name_len;   /* 0 to GUEST_NAME_MAX */
};

struct guest_welcome {
    uint16_t version;  /* in use from now on, at most the one in HELLO */
    uint32_t features; /* granted, a subset of those in HELLO */
};

struct guest_refuse {
    uint32_t error;   /* a Linux errno, 1 to 4095 */
    const char *text; /* printable UTF-8, not NUL-terminated */
    size_t text_len;  /* 1 to GUEST_TEXT_MAX */
};

struct guest_insn {
    uint16_t opcode; /* GUEST_OPCODE_* */
    uint16_t cpu;    /* number of the CPU, for diagnostics only */
    uint8_t r1, r2;  /* register fields of the instruction, 0 to 15; odd ones are sent as well */
    uint64_t gr[3];  /* general registers 0 to 2 */
    uint64_t p1[2];  /* registers r1 & 14 and r1 | 1 (NQAP, DQAP; else 0) */
    uint64_t p2[2];  /* registers r2 & 14 and r2 | 1 (NQAP, DQAP; else 0) */
    const uint8_t *data; /* NQAP: the message at p2[0], min(p2[1], GUEST_DATA_MAX) bytes */
    size_t data_len;
};

struct guest_insn_reply {
    uint16_t program_check; /* 0, or an interruption code; then the rest is ignored */
    uint8_t cc;             /* condition code, 0 to 3 */
    uint64_t gr[3], p1[2], p2[2];
    uint64_t address;    /* logical address where data is stored; 0 without data */
    const uint8_t *data; /* QCI block, reply of DQAP */
    size_t data_len;     /* at most GUEST_DATA_MAX */
};

struct guest_servc {
    uint32_t command;
};

struct guest_servc_reply {
    uint16_t response; /* of the SCCB header, e.g. 0x0020 */
};

struct guest_notify {
    uint8_t kind;  /* enum guest_notify_kind */
    uint8_t isc;   /* INTERRUPT: interruption subclass of AQIC, 0 to 7; else 0 */
    uint16_t apqn; /* INTERRUPT: the queue; else 0 */
    uint64_t nib;  /* INTERRUPT: address of the notification byte; else 0 */
};

/* A decoded frame. Pointers point into the buffer it was parsed from. */
struct guest_frame {
    uint16_t type; /* enum guest_frame_type */
    uint32_t id;   /* of the request that it is, or replies to; 0 in other frames */
    union {
        struct guest_hello hello;
        struct guest_welcome welcome;
        struct guest_refuse refuse;
        struct guest_insn insn;
        struct guest_insn_reply insn_reply;
        struct guest_servc servc;
        struct guest_servc_reply servc_reply;
        struct guest_notify notify;
    };
};

#endif
