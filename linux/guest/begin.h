/* SPDX-License-Identifier: MIT */
#ifndef APUS_LINUX_GUEST_BEGIN_H
#define APUS_LINUX_GUEST_BEGIN_H

#include "port.h"

/*
 * A guest that comes from a snapshot is told who it is, in one line on the port org.apus.begin:
 *
 *   begin NAME SECONDS.NANOSECONDS SEED [ap.apmask=MASK] [ap.aqmask=MASK] [ap.domain=NUMBER]
 *
 * The host name; the time; at least 64 hexadecimal digits for the random number generator, which
 * would otherwise be the same in all guests of a snapshot; and kernel parameters of the AP bus,
 * which are written to its attributes.
 */

/* Waits for the line, becomes that guest, and has the bus scanned. */
void begin_wait(struct port *port);

#endif
