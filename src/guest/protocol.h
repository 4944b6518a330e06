/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_PROTOCOL_CODEC_H
#define APUS_GUEST_PROTOCOL_CODEC_H

#include <stdbool.h>

#include "apus/guest_protocol.h"

/*
 * Codec of the guest protocol (docs/guest-protocol.md): bytes to frames and back. No I/O, no
 * allocation. On failure *why is set to a constant text that names the error; `why` may be NULL.
 */

/*
 * Length of the frame that begins at `bytes`, of which `len` are available.
 * 0 and *frame_len; -EAGAIN: fewer than four bytes, read on; -EPROTO: shorter than a header;
 * -EMSGSIZE: longer than GUEST_FRAME_MAX. After -EPROTO or -EMSGSIZE the stream is lost.
 */
int guest_frame_measure(const uint8_t *bytes, size_t len, size_t *frame_len, const char **why);

/*
 * Parses exactly one frame of `len` bytes. 0; -EPROTO with *why if version 1 does not allow the
 * frame. The frame's pointers point into `bytes`.
 */
int guest_frame_parse(const uint8_t *bytes, size_t len, struct guest_frame *frame,
                      const char **why);

/*
 * Formats one frame into `bytes` of `size`. 0 and *len; -EINVAL with *why if guest_frame_parse
 * would not accept the frame; -ENOBUFS if it does not fit (GUEST_FRAME_MAX always suffices).
 */
int guest_frame_format(const struct guest_frame *frame, uint8_t *bytes, size_t size, size_t *len,
                       const char **why);

/* True for the types that a client sends. */
bool guest_type_is_from_client(uint16_t type);

/*
 * Checks whether `reply` may complete `insn` on a CPU. A reply may store into the guest only where
 * the instruction designates: DQAP into the buffer of its second register pair, QCI into 128 bytes
 * at GR2, any other instruction nowhere. 0; -EPROTO with *why.
 */
int guest_reply_check(const struct guest_insn *insn, const struct guest_insn_reply *reply,
                      const char **why);

/*
 * The reply of a machine without adapters, used when there is no server: QCI stores a block with
 * empty masks but flags set, any other instruction ends with response code 01 and condition code 3;
 * an odd register field is a specification exception (6). reply->data may point to `block`.
 */
void guest_reply_absent(const struct guest_insn *insn, uint8_t block[static 128],
                        struct guest_insn_reply *reply);

#endif
