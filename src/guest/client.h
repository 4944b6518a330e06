/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_CLIENT_H
#define APUS_GUEST_CLIENT_H

#include "apus/guest_protocol.h"

/*
 * Blocking client of the guest protocol: one connection, one thread at a time. Needs libc only, so
 * that the QEMU plugin can carry it.
 *
 * Once a call failed with anything but -EINVAL, or -EAGAIN from guest_client_notify, the connection
 * is lost: every later call returns -ENOTCONN and only guest_client_close is left. Texts end in no
 * newline.
 */
struct guest_client;

#define GUEST_ERROR_MAX (GUEST_TEXT_MAX + 128)

/*
 * Connects to the socket at `path` and says hello; every wait for the server, here and later, ends
 * after `timeout_ms`. 0 and *client; on failure a text in `error` and
 * -EINVAL: path too long or `hello` not allowed by the protocol; -errno of socket(2) or connect(2);
 * -ETIMEDOUT; -ECONNRESET: the server closed without a word; -EPROTO: not our protocol;
 * otherwise the errno with which the server refused.
 */
int guest_client_open(const char *path, const struct guest_hello *hello, unsigned timeout_ms,
                      struct guest_client **client, char error[static GUEST_ERROR_MAX]);

/* Closes and frees; NULL is nothing. */
void guest_client_close(struct guest_client *client);

/* Features that the server granted. */
uint32_t guest_client_features(const struct guest_client *client);

/* The socket, to poll for notifications. -1 once the connection is lost. */
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

/* The system of the guest was reset. 0 when all queue resets are started; errors as above. */
int guest_client_reset(struct guest_client *client);

/*
 * The oldest notification not yet taken; waits up to `wait_ms` for one (0: does not wait). A
 * notification equal to one that still waits is merged with it. 0; -EAGAIN: none came; errors as
 * above; -ENOBUFS: more than 1024 different ones waited, the connection is lost.
 */
int guest_client_notify(struct guest_client *client, unsigned wait_ms, struct guest_notify *notify);

#endif
