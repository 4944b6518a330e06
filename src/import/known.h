/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_KNOWN_H
#define APUS_IMPORT_KNOWN_H

#include <stdbool.h>

#include "base/apqn.h"
#include "base/mask256.h"
#include "base/text.h"
#include "base/uuid.h"

/*
 * What is known of a machine, and from which source. Readers of sources put facts in, build.h makes
 * a machine file of them. If two sources contradict each other, that of the higher rank counts, and
 * of two of the same rank the first; the contradiction is noted.
 */

/* Who is nearer to what the kernel does. */
enum known_rank { RANK_CPC, RANK_LIST, RANK_LSZCRYPT, RANK_SYSFS };

/* A place in a source; 0: nobody has said it. */
typedef uint32_t known_from;

struct fact {
    known_from from;
    uint64_t value;
};

enum known_host {
    HOST_MAX_ADAPTER,
    HOST_MAX_DOMAIN,
    HOST_FEATURES, /* AP_QCI_* */
    HOST_INTERRUPTS,
    HOST_DOMAIN,
    HOST_BOOT_DOMAIN, /* ap.domain= */
    HOST_CONFIG_TIME,
    HOST_POLL_THREAD,
    HOST_POLL_TIMEOUT,
    HOST_AUTOPROBE,
    HOST_FACTS
};

enum known_adapter {
    ADAPTER_TYPE, /* KNOWN_TYPE */
    ADAPTER_CONFIGURED,
    ADAPTER_CHECKSTOPPED,
    ADAPTER_FUNCTIONS,
    ADAPTER_DEPTH, /* as the attribute shows it */
    ADAPTER_MESSAGE,
    ADAPTER_ONLINE,
    ADAPTER_BOUND,
    ADAPTER_FACTS
};

#define KNOWN_TYPE(hardware, mode) ((hardware) << 8 | (mode))

enum known_queue { QUEUE_EXISTS, QUEUE_DRIVER, QUEUE_ONLINE, QUEUE_IN_USE, QUEUE_FACTS };
enum known_driver { DRIVER_NONE, DRIVER_ZCRYPT, DRIVER_VFIO_AP };

enum known_mask {
    MASK_ADAPTERS,
    MASK_USAGE,
    MASK_CONTROL,
    MASK_AP,
    MASK_AQ,
    MASK_BOOT_AP,
    MASK_BOOT_AQ,
    MASKS
};

struct known_mask_fact {
    known_from from;
    struct mask256 value;
};

struct known_matrix {
    known_from from;
    struct mask256 apm, aqm, adm;
};

struct known_device {
    struct uuid uuid;
    struct known_matrix assigned; /* as it is */
    bool has_config, is_cut;      /* it is known by ap_config; by a matrix of more than a page */
    struct known_matrix defined;  /* as it would be started */
    struct known_matrix guest;    /* guest_matrix; without adm */
    known_from runs;              /* who has seen it */
    known_from listed;            /* a list that does not say whether it runs */
    struct fact autostart;
    struct fact unbound; /* from its driver */
    struct fact group;
};

struct known_guest {
    char *name;
    known_from from;
    bool has_mdev;
    struct uuid mdev;
    struct fact running;
};

enum note_kind { NOTE_CONTRADICTION, NOTE_MISSING, NOTE_ASSUMED, NOTE_KINDS };

struct known_note {
    enum note_kind kind;
    known_from from; /* 0: no one source */
    char *text;
};

struct known_source {
    char *name;
    enum known_rank rank;
};

/* Of the rest only the number is kept. */
#define KNOWN_NOTES 1000u

/* Called now and then while a source is read: whoever waits may be told. */
typedef void known_progress_function(uint64_t files);

struct known {
    known_progress_function *progress; /* NULL: nobody waits */
    uint64_t files;                    /* that were looked at */
    bool full_devices, full_guests;    /* told already */
    const char *partition;             /* of a CPC: which one; NULL: there is only one */
    bool has_cpc;
    struct known_source *sources;
    size_t source_count;
    known_from now; /* which is being read */
    struct fact host[HOST_FACTS];
    struct fact adapters[AP_IDS][ADAPTER_FACTS];
    struct fact (*queues)[QUEUE_FACTS];
    struct known_mask_fact masks[MASKS];
    char *serials[AP_IDS]; /* NULL: not known */
    char **overrides;      /* of each queue */
    struct known_device *devices;
    size_t device_count;
    struct known_guest *guests;
    size_t guest_count;
    known_from copy;          /* a copy of /sys */
    known_from lists_devices; /* the same, if it shows every device that runs */
    struct known_note *notes;
    size_t note_count, notes_dropped;
    uint64_t bytes; /* that were unpacked so far, see archive.c */
};

struct known *known_new(void);
void known_free(struct known *k);

/* What follows is said by that source. */
void known_source(struct known *k, const char *name, enum known_rank rank);
const char *known_name(const struct known *k, known_from from);

void known_host(struct known *k, enum known_host which, uint64_t value);
void known_adapter(struct known *k, unsigned apid, enum known_adapter which, uint64_t value);
void known_queue(struct known *k, ap_qn qn, enum known_queue which, uint64_t value);
void known_mask(struct known *k, enum known_mask which, struct mask256 value);
void known_serial(struct known *k, unsigned apid, const char *value, size_t len);
void known_override(struct known *k, ap_qn qn, const char *value, size_t len);

/* A file or folder more of the source. */
void known_progress(struct known *k);

/* The device or guest, which is added if it is new; NULL: there are too many, which is noted. */
struct known_device *known_device(struct known *k, const struct uuid *uuid);
struct known_guest *known_guest(struct known *k, const char *name, size_t len);

/* which: of d, said to be m. */
void known_matrix(struct known *k, struct known_device *d, struct known_matrix *which,
                  const struct known_matrix *m);
void known_flag(struct known *k, const struct known_device *d, struct fact *which, bool value,
                const char *what);

void known_running(struct known *k, struct known_guest *g, bool running);

/* from: the source that it is about, or 0. */
void known_note(struct known *k, enum note_kind kind, known_from from, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
const char *known_note_name(enum note_kind kind);
const char *known_host_name(enum known_host which);

#endif
