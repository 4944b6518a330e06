/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_WRITER_H
#define APUS_STORE_RECORD_WRITER_H

#include "store/record.h"

/*
 * The thread that writes a recording, so that the event loop does not wait for a disk. A line is
 * usually out after some microseconds; what has not been written when the process is killed is
 * lost. No key stays behind in its memory.
 */
struct record_writer;

/* Writes behind the file offset of fd, which stays the caller's. 0 or -errno of the thread. */
int record_writer_new(int fd, struct record_writer **out);

/* Queues a line, which may hold keys. 0, or the -errno with which writing has failed: this line and
 * all others from then on are dropped. */
int record_writer_put(struct record_writer *w, const char *line, size_t len);

/* Waits until all is written. As record_writer_put. NULL is allowed. */
int record_writer_free(struct record_writer *w);

#endif
