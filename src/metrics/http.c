/* SPDX-License-Identifier: MIT */
#include "metrics/http.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libmicrohttpd.so.12"

static const struct {
    const char *name;
    size_t at;
} functions[] = {
#define FUNCTION(name)                                                                             \
    {                                                                                              \
        "MHD_" #name, offsetof(struct http, name)                                                  \
    }
    FUNCTION(start_daemon),
    FUNCTION(stop_daemon),
    FUNCTION(run),
    FUNCTION(get_timeout),
    FUNCTION(get_daemon_info),
    FUNCTION(get_connection_info),
    FUNCTION(create_response_from_callback),
    FUNCTION(create_response_from_buffer),
    FUNCTION(add_response_header),
    FUNCTION(queue_response),
    FUNCTION(destroy_response),
};

#define FUNCTIONS (sizeof functions / sizeof *functions)

const struct http *http_load(struct text *why)
{
    static struct http http;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; library && i < FUNCTIONS; i++) {
        void *function = dlsym(library, functions[i].name);

        if (!function)
            break;
        memcpy((char *)&http + functions[i].at, &function, sizeof function);
    }
    if (library && http.destroy_response)
        return &http;
    text_addf(why, "no metrics: %s; Debian has " LIBRARY " in libmicrohttpd12", dlerror());
    return NULL;
}
