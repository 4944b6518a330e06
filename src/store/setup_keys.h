/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_SETUP_KEYS_H
#define APUS_STORE_SETUP_KEYS_H

#include "store/setup.h"

/* The sections of what runs on a machine and their keys, for parser and formatter. */

enum setup_key_type {
    KEY_MASK,     /* struct mask256, as a kernel parameter */
    KEY_LIST,     /* struct mask256, as a list */
    KEY_SWITCH,   /* bool */
    KEY_NUMBER,   /* uint64_t, uint32_t: up to max */
    KEY_UUID,     /* struct uuid */
    KEY_FEATURES, /* bits of GUEST_* */
    KEY_NAME,     /* char *, escaped */
    KEY_TEXT,     /* char *, as it is */
    KEY_COUNT     /* uint64_t, or "always" */
};

struct setup_key {
    const char *name; /* NULL: the end */
    enum setup_key_type type;
    uint16_t at, size; /* in struct setup_object */
    uint64_t max;
};

#define SETUP_KEYS_MAX 12

struct setup_section {
    const char *word;    /* the first of its name: [card 5] */
    const char *operand; /* what follows it, for messages; NULL: nothing */
    enum state_kind kind;
    bool in_guest; /* [guest NAME card 5], too */
    const struct setup_key *keys;
};

extern const struct setup_section setup_sections[];

/* The section of that word; NULL: none. */
const struct setup_section *setup_section_find(const char *word, size_t len);

/* By index: GUEST_AP, GUEST_APFT, GUEST_APQCI, GUEST_APQI. */
extern const char *const setup_features[];

/* Names can have any bytes: what a section cannot have is written as %xx. unescape returns NULL if
 * the text is no such name. */
void setup_escape(const char *name, size_t len, struct text *out);
char *setup_unescape(const char *text, size_t len);

enum {
    MDEV_ADAPTERS,
    MDEV_DOMAINS,
    MDEV_CONTROL,
    MDEV_AUTOSTART,
    MDEV_GUEST_ADAPTERS,
    MDEV_GUEST_DOMAINS,
    MDEV_GUEST_CONTROL,
    MDEV_GROUP,
    MDEV_UNCHECKED,
    MDEV_UNBOUND
};
enum {
    BUS_APMASK,
    BUS_AQMASK,
    BUS_DOMAIN,
    BUS_CONFIG_TIME,
    BUS_POLL_THREAD,
    BUS_POLL_TIMEOUT,
    BUS_AUTOPROBE
};
enum { CARD_BOUND, CARD_UNBOUND, CARD_ZCRYPT, CARD_VFIO_AP, CARD_OFFLINE, CARD_QUEUES_OFFLINE };
enum { NODE_IOCTLMASK, NODE_APMASK, NODE_AQMASK, NODE_ADMASK, NODE_MINOR };
enum { GUEST_MDEV, GUEST_FEATURES, GUEST_NUMBER };
enum { FAULT_RULE, FAULT_LEFT };

static inline bool setup_given(const struct setup_object *o, unsigned key)
{
    return o->given >> key & 1;
}

#endif
