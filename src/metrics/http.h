/* SPDX-License-Identifier: MIT */
#ifndef APUS_METRICS_HTTP_H
#define APUS_METRICS_HTTP_H

#include <microhttpd.h>

#include "base/text.h"

/*
 * libmicrohttpd, loaded when it is needed: it brings GnuTLS along, which takes longer to load than
 * apus takes for most of its commands. The names are its own, without MHD_.
 */
struct http {
    __typeof__(&MHD_start_daemon) start_daemon;
    __typeof__(&MHD_stop_daemon) stop_daemon;
    __typeof__(&MHD_run) run;
    __typeof__(&MHD_get_timeout) get_timeout;
    __typeof__(&MHD_get_daemon_info) get_daemon_info;
    __typeof__(&MHD_get_connection_info) get_connection_info;
    __typeof__(&MHD_create_response_from_callback) create_response_from_callback;
    __typeof__(&MHD_create_response_from_buffer) create_response_from_buffer;
    __typeof__(&MHD_add_response_header) add_response_header;
    __typeof__(&MHD_queue_response) queue_response;
    __typeof__(&MHD_destroy_response) destroy_response;
};

/* Before the process is confined. NULL with a sentence: it is not installed, or too old. */
const struct http *http_load(struct text *why);

#endif
