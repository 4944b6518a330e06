/* SPDX-License-Identifier: MIT */
#ifndef APUS_UEVENT_UEVENT_H
#define APUS_UEVENT_UEVENT_H

#include <stdint.h>

#include "base/effects.h"
#include "base/text.h"

/*
 * Uevents of the host's tree as real ones of the kernel: each is sent to the kernel, which gives it
 * a sequence number and broadcasts it in our network namespace, so that udev takes it for one of
 * its own [uevents-namespace]. Whoever listens in that namespace gets them.
 */
struct uevent_sender;

/*
 * Devices that are not there are nothing to tell the system of. So uevents go into a network
 * namespace that was made for them and nowhere else: whoever makes one notes the namespace that it
 * leaves, outside, and neither that one nor the system's own is ever served. A network namespace is
 * named by its inode number, as in the link /proc/self/ns/net.
 */

/* That of this process. 0 or -errno (is /proc mounted?). */
int uevent_netns_get(uint64_t *out);

/*
 * A socket for uevents in the network namespace of this process. Returns the descriptor
 * (close-on-exec), or -errno with a sentence in why: -EPERM if the namespace may have none.
 */
int uevent_socket_open(uint64_t outside, struct text *why);

/*
 * Takes the descriptor of such a socket. If it fails, that stays the caller's and why has a
 * sentence: -EINVAL it is no such socket; -EPERM its namespace may have no uevents, or cannot be
 * told.
 */
int uevent_sender_new(int fd, uint64_t outside, struct uevent_sender **out, struct text *why);
void uevent_sender_free(struct uevent_sender *s); /* NULL is allowed */

/*
 * Sends all EFFECT_UEVENT of tree 0, in order. 0, or -errno of the first that the kernel did not
 * take, with a sentence in why; the others are sent nevertheless.
 */
int uevent_sender_effects(struct uevent_sender *s, const struct effects *effects, struct text *why);

/*
 * One netlink message: header, "ACTION@DEVPATH", and the record as it is, all ended by NUL. record
 * begins with ACTION= and DEVPATH= (EFFECT_UEVENT). Replaces what is in out. -EINVAL: it does not,
 * or is longer than the kernel's limit of 2048 bytes less its sequence number.
 */
int uevent_format(const char *record, size_t len, uint32_t number, struct text *out);

#endif
