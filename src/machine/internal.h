/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_INTERNAL_H
#define APUS_MACHINE_INTERNAL_H

#include "machine/alarm.h"
#include "machine/machine.h"
#include "machine/queue.h"

/* Private to machine.c, lpar.c and requests.c. */

struct adapter {
    struct adapter_config *config; /* points into the machine's config; type 0: not installed */
    bool checkstopped;
    /* Per queue, how often it was zeroized; allocated when the adapter first appears. */
    uint32_t *zeroized;
    uint64_t *resets; /* likewise */
    struct mask256 notifying;
    struct ap_aqic *aqic; /* per queue, allocated with the first AQIC; valid if in notifying */
    struct message_queue **queues; /* per queue, allocated with its first message */
    /* Queues that were to be zeroized while they were not available. It is done before anyone can
     * reach them again. */
    struct mask256 zeroize_due;
    struct mask256 try_again;            /* queues with an alarm to retry a rejected instruction */
    struct mask256 reset, were_zeroized; /* since it was last asked */
    uint64_t *reset_until; /* per queue, allocated with the first reset that takes time; 0:
                            * none */
};

struct machine {
    struct machine_config config; /* kept up to date */
    unsigned usage_count;         /* usage domains; each TAPQ reports it */
    struct adapter adapters[AP_IDS];
    uint64_t changes;
    struct mask256 changed;
    struct job_table jobs;
    struct machine_firmware firmware;
    struct fault_list faults;
    struct alarms alarms;
    uint64_t now; /* ns; of the last command */
    struct machine_touched touched;
    /* news.c: what machine_take_news, machine_take_reset and machine_take_lost return. */
    struct mask256 news;
    struct mask256 resets; /* adapters */
    struct machine_lost *lost;
    unsigned lost_count, lost_taken, lost_capacity;
};

static inline struct adapter_state adapter_state_of(const struct adapter *a)
{
    return (struct adapter_state){.installed = a->config->type != 0,
                                  .in_lpar = a->config->type && a->config->in_lpar,
                                  .online = a->config->type && a->config->configured,
                                  .checkstopped = a->checkstopped};
}

static inline struct message_queue *queue_get(const struct adapter *a, unsigned apqi)
{
    return a->queues ? a->queues[apqi] : NULL;
}

/* machine.c */
void queue_flush(struct machine *m, struct adapter *a, unsigned apqi);
void adapter_zeroize(struct machine *m, struct adapter *a, const struct mask256 *domains);
/* requests.c */
struct message_queue *queue_make(struct adapter *a, unsigned apqi);
/* machine.c */
void adapter_count_reset(struct adapter *a, unsigned apqi);
/* news.c */
void news_reset(struct machine *m, struct adapter *a, unsigned apqi, bool zeroized);
void news_lost(struct machine *m, const struct adapter *a, unsigned apqi, unsigned messages);

struct mask256 lpar_adapters(const struct machine *m, bool online_only);

#endif
