/* SPDX-License-Identifier: MIT */
#ifndef APUS_LINUX_GUEST_PORT_H
#define APUS_LINUX_GUEST_PORT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A virtio-serial port, never blocking. A read returns end of file while no client is connected on
 * the host. Its end and the next client's beginning come by another way than data, so they can be
 * seen late: only what two reads say in a row, or what lasts, is true.
 */
struct port {
    int fd;    /* -1: there is none */
    bool away; /* the last read found no client */
    char *data;
    size_t start, len, size; /* data[start] to data[start + len - 1] have been read */
};

/* Opens the port of this name; it appears a moment after the driver was loaded. False: it is not
 * there. */
bool port_open(struct port *p, const char *name);

/* Reads what has arrived. Moves data. */
void port_fill(struct port *p);

/* Takes the next complete line. It is valid until port_fill; NULL: there is none. */
const char *port_line(struct port *p);

/* Whether what comes next begins with text. */
bool port_begins(const struct port *p, const char *text);

/* Takes the first bytes, or all if there are fewer. */
void port_skip(struct port *p, size_t len);

/* Writes, and returns how many bytes the port took. */
size_t port_write(struct port *p, const char *data, size_t len);

#endif
