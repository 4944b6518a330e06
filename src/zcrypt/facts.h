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
 * The kernel sends a request through the queue each time such an attribute is read, and the reader
 * waits. Here reading must not change anything: a read is not a command, is not recorded and cannot
 * wait. So the same firmware answers the message that the driver would send at once, without the
 * queue (ap_hw_ops.ask_firmware). Two differences are visible: such a read does not count in
 * request_count, and it is answered even while the queue is full. Nothing is asked when a queue is
 * bound, so 65,536 queues do not cause 65,536 requests.
 *
 * All return false if zcrypt cannot use the queue or it does not respond; out is unchanged then.
 */
bool facts_cca(const struct zcrypt *z, ap_qn qn, struct cca_info *out);
bool facts_ep11_domain(const struct zcrypt *z, ap_qn qn, struct ep11_domain_info *out);

/* Asks the card's queues until one responds. */
bool facts_ep11_module(const struct zcrypt *z, unsigned apid, struct ep11_module_info *out);

/* Whether any queue of the card can respond. */
bool facts_card_answers(const struct zcrypt *z, unsigned apid);

/* Formats the names of the operational modes, as shown for card and queue [bus-op-modes]. */
void facts_show_op_modes(uint64_t modes, struct text *out);

#endif
