/* SPDX-License-Identifier: MIT */
#ifndef APUS_UEVENT_UEVENT_H
#define APUS_UEVENT_UEVENT_H

#include <stdint.h>

#include "base/effects.h"
#include "base/text.h"

/*
 * Sends uevents of the host's tree as real kernel uevents. The kernel adds a sequence number and
 * broadcasts them in our network namespace, where udev and other listeners cannot tell them from
 * its own [uevents-namespace].
 */
struct uevent_sender;

/*
 * The system's own udev must not see devices that do not exist. So uevents are only sent into a
 * network namespace created for them. Its creator records the namespace that it came from as
 * outside; neither that one nor the system's own is ever served. A network namespace is identified
 * by its inode number, as in the link /proc/self/ns/net.
 */

/* The network namespace of this process. 0 or -errno (is /proc mounted?). */
int uevent_netns_get(uint64_t *out);

/*
 * Opens a socket for uevents in the network namespace of this process. Returns the descriptor
 * (close-on-exec), or -errno with the reason in why; -EPERM: no uevents are sent there.
 */
int uevent_socket_open(uint64_t outside, struct text *why);

/*
 * Takes over fd, such a socket. On failure fd remains the caller's and why has the reason: -EINVAL
 * not such a socket; -EPERM no uevents are sent into its namespace, or it cannot be determined.
 */
int uevent_sender_new(int fd, uint64_t outside, struct uevent_sender **out, struct text *why);
void uevent_sender_free(struct uevent_sender *s); /* NULL is allowed */

/*
 * Sends all EFFECT_UEVENT of tree 0, in order. 0, or -errno of the first that the kernel rejected,
 * with the reason in why; the others are sent nevertheless.
 */
int uevent_sender_effects(struct uevent_sender *s, const struct effects *effects, struct text *why);

/*
 * Formats one netlink message into out: header, "ACTION@DEVPATH", and the record, each
 * NUL-terminated. -EINVAL: record does not begin with ACTION= and DEVPATH= (EFFECT_UEVENT), or is
 * longer than the kernel's limit of 2048 bytes less the sequence number.
 */
int uevent_format(const char *record, size_t len, uint32_t number, struct text *out);

#endif
