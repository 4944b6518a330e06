/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_MODEL_H
#define APUS_TESTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mask256.h"
#include "machine/config.h"

#include "step.h"

/*
 * An independent, small model of what the core does, written from docs/reference: sets and loops
 * over a few identifiers, with no code of src/ but the masks and the type that describes a machine.
 * It gets each step before the core does, and predicts the result.
 */

enum m_driver { M_NONE, M_ZCRYPT, M_VFIO };

struct m_set {
    struct mask256 apm, aqm, adm;
};

struct m_adapter {
    uint8_t type; /* 0: not installed */
    uint8_t mode;
    bool configured, in_lpar, checkstopped;
};

struct m_queue {
    bool present, user_online;
    bool config, chkstop; /* as the last scan saw it */
    bool runs;            /* its state machine [bus-queue-state] */
    bool stray;           /* its card was unbound since [zcrypt-belonging] ... */
    bool card_offline;    /* ... and was offline then */
    enum m_driver driver;
    char override[16];
    unsigned life; /* distinguishes devices of the same name */
};

struct m_card {
    bool present, bound, user_online;
    bool modeless; /* it has not told its mode [bus-scan] */
    uint8_t type, mode;
    unsigned life;
    struct m_queue queue[APQIS];
};

struct m_bus {
    bool guest; /* no vfio_ap there, no SCLP */
    struct mask256 apmask, aqmask;
    bool autoprobe;
    int config_time;
    struct m_card card[APIDS];
};

struct m_mdev {
    bool exists, removing;
    unsigned life;
    struct m_set assigned, shadow;
    bool asked;         /* to be released: the guest has nothing until the shadow changes */
    int guest;          /* index or -1 */
    uint64_t token;     /* of the write that waits for the removal */
    bool refilter;      /* a rule demands filtering of queues in this step ... */
    bool recontrol;     /* ... of control domains */
    bool device_change; /* a device under the guest was replaced in this step */
};

struct m_guest {
    bool exists, looked, connected;
    unsigned number, features;
    int mdev;        /* index or -1 */
    unsigned serial; /* unique among the guests of a run */
    uint64_t changes, asks;
    struct m_bus bus;
};

struct m_node {
    bool exists;
    char name[32];
    struct mask256 mask[4]; /* in the order of node_masks */
};

struct model {
    bool proposal; /* the profile */
    bool apxa, interrupts;
    unsigned max_adapter, max_domain;
    struct mask256 usage, control;
    struct m_adapter adapter[APIDS];
    struct m_set host; /* the LPAR's masks as the bus knows them */
    struct m_bus bus;
    struct m_mdev mdev[MDEVS];
    struct m_guest guest[GUESTS];
    struct m_node node[NODES];
    bool lpar_connected; /* a client is the LPAR's CPUs */
    unsigned serials, lives;
    bool changed; /* in this step, so the buses scan */
};

#define REPLIES_MAX 8

/* The expected result of a step. */
struct m_outcome {
    int result;
    int64_t value; /* of SCLP and guest start */
    uint64_t replies[REPLIES_MAX];
    unsigned reply_count;
};

void model_init(struct model *m, const struct machine_config *config);
struct m_outcome model_step(struct model *m, const struct step *s);

/* The APCB of a guest. */
struct m_set model_apcb(const struct model *m, const struct m_guest *g);

/* The hardware executes instructions on the queue at the moment. */
bool model_usable(const struct model *m, unsigned ai, unsigned di);

/* The state of an adapter as its devices show it. A deconfigured one does not show a checkstop. */
bool model_configured(const struct model *m, unsigned ai);
bool model_checkstopped(const struct model *m, unsigned ai);

const char *model_driver_name(const struct m_card *card, enum m_driver driver);

/* The index of the guest, or -1. */
int model_guest_by_number(const struct model *m, unsigned number);

/* After the step: how often the guest's bus scanned. */
void model_guest_scans(struct model *m, int guest, unsigned times);

/* model_bus.c: devices and drivers */
bool model_zcrypt_owns(const struct m_bus *b, unsigned ai, unsigned di);
void model_bus_follow(struct model *m, struct m_bus *b, const struct m_guest *g);
int model_bus_store(struct model *m, struct m_bus *b, const struct step *s);
void model_machine_set(struct model *m, const struct machine_config *config,
                       const struct mask256 *checkstopped);

/* model_vfio.c: mediated devices and guests */
int model_vfio_store(struct model *m, const struct step *s, struct m_outcome *out);
int model_guest_step(struct model *m, const struct step *s, struct m_outcome *out);
struct m_set model_filter(const struct model *m, const struct m_mdev *d);
bool model_veto(const struct model *m, bool adapters, const struct mask256 *wanted);
/* Changes what the guest gets. */
void model_pass(struct m_mdev *d, struct m_set shadow);
void model_queue_bound(struct model *m, unsigned ai, unsigned di);
void model_queue_taken(struct model *m, unsigned ai, unsigned di);

/* model_calls.c: requests through device nodes */
enum m_kind { WANT_ME, WANT_CRT, WANT_CCA, WANT_EP11 };

struct m_want {
    enum m_kind kind;
    unsigned mode, node; /* node: 0 z90crypt, n + 1 the one of name n, if it exists */
    int apid, apqi;      /* indices; -1: any */
};

struct m_want model_want(const struct step *s);
int model_node(const struct model *m, const struct m_want *w);
unsigned model_rating(const struct m_want *w, unsigned type, unsigned mode);
bool model_takes(const struct model *m, const struct m_bus *b, const struct m_guest *g,
                 const struct m_want *w, unsigned ai, unsigned di);
int model_zcrypt(struct model *m, const struct step *s);

/* Values as they are written. */
int model_number(const char *text, uint64_t *out); /* 0, -EINVAL, -ERANGE */

#endif
