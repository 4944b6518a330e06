/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_CLIENT_H
#define APUS_GUEST_CLIENT_H

#include "apus/guest_protocol.h"

/*
 * Blocking client of the guest protocol: one connection, one thread at a time. Needs libc only, so
 * that the QEMU plugin can link it.
 *
 * Any failure but -EINVAL, or -EAGAIN from guest_client_notify, loses the connection: every later
 * call returns -ENOTCONN, and only guest_client_close remains to be called. Texts have no trailing
 * newline.
 */
struct guest_client;

#define GUEST_ERROR_MAX (GUEST_TEXT_MAX + 128)

/*
 * Connects to the socket at `path` and sends HELLO. Every wait for the server, here and later, ends
 * after `timeout_ms`. Returns 0 and *client, or a text in `error` and
 * -EINVAL: path too long, or `hello` not allowed by the protocol; -errno of socket(2) or
 * connect(2); -ETIMEDOUT; -ECONNRESET: the server closed the connection without REFUSE; -EPROTO:
 * not our protocol; otherwise the errno with which the server refused.
 */
int guest_client_open(const char *path, const struct guest_hello *hello, unsigned timeout_ms,
                      struct guest_client **client, char error[static GUEST_ERROR_MAX]);

/* Closes and frees. NULL is allowed. */
void guest_client_close(struct guest_client *client);

/* The features that the server granted. */
uint32_t guest_client_features(const struct guest_client *client);

/* The socket, for polling for notifications. -1 once the connection is lost. */
int guest_client_fd(const struct guest_client *client);

/* Why the last call failed. */
const char *guest_client_error(const struct guest_client *client);

/*
 * Executes one AP instruction. 0 and *reply, whose data stays valid until the next call and lies
 * where the instruction may store (guest_reply_check). -EINVAL: an instruction that the protocol
 * cannot carry; -ETIMEDOUT, -ECONNRESET, -EPROTO, -errno, the errno of a refusal, -ENOTCONN.
 */
int guest_client_execute(struct guest_client *client, const struct guest_insn *insn,
                         struct guest_insn_reply *reply);

/* Configure or Deconfigure AP. 0 and the SCLP response code; errors as above. */
int guest_client_servc(struct guest_client *client, uint32_t command, uint16_t *response);

/* Reports a system reset of the guest. 0 when all queue resets are started; errors as above. */
int guest_client_reset(struct guest_client *client);

/*
 * Takes the oldest pending notification, waiting up to `wait_ms` for one (0: does not wait). Equal
 * pending notifications are merged. 0; -EAGAIN: none came; errors as above; -ENOBUFS: more than
 * 1024 different ones were pending, and the connection is lost.
 */
int guest_client_notify(struct guest_client *client, unsigned wait_ms, struct guest_notify *notify);

#endif
