/* SPDX-License-Identifier: MIT */
#ifndef APUS_ZCRYPT_FACTS_H
#define APUS_ZCRYPT_FACTS_H

#include "message/cca_info.h"
#include "message/ep11.h"
#include "zcrypt/internal.h"

/*
 * What only an adapter's firmware knows: serial numbers, master keys, modes
 * [zcrypt-firmware-facts].
 *
 * The real driver sends a request into the queue each time such an attribute is read, and the
 * reader waits. Here a read must not change anything: it neither comes through the door nor into a
 * recording, and it could not wait. So the message that the driver would send is answered at once,
 * by the same firmware, beside the queue (ap_hw_ops.ask). What differs from the real thing: such a
 * read does not count in request_count, and it is answered also while the queue is full. Nothing
 * is asked when a queue comes up, so that 65,536 of them do not ask 65,536 times.
 *
 * All return false when the queue is not usable for zcrypt or gives no answer; out is untouched
 * then.
 */
bool facts_cca(const struct zcrypt *z, ap_qn qn, struct cca_info *out);
bool facts_ep11_domain(const struct zcrypt *z, ap_qn qn, struct ep11_domain_info *out);

/* Any queue of the card may answer. */
bool facts_ep11_module(const struct zcrypt *z, unsigned apid, struct ep11_module_info *out);

/* Whether any queue of the card could be asked. */
bool facts_card_answers(const struct zcrypt *z, unsigned apid);

/* A line with the names of the operational modes, as card and queue show them [bus-op-modes]. */
void facts_show_op_modes(uint64_t modes, struct text *out);

#endif
