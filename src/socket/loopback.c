/* SPDX-License-Identifier: MIT */
#include "socket/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"

#define BACKLOG 64

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse(const char *text, union address *out, socklen_t *len)
{
    static const char v4[] = "127.0.0.1:", v6[] = "[::1]:";
    bool is_v6 = strncmp(text, v6, strlen(v6)) == 0;
    uint64_t port;

    if (is_v6)
        text += strlen(v6);
    else if (strncmp(text, v4, strlen(v4)) == 0)
        text += strlen(v4);
    if (number_parse_u64(text, strlen(text), 10, &port) < 0 || port < 1 || port > UINT16_MAX)
        return false;
    if (is_v6)
        out->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                        .sin6_port = htons((uint16_t)port),
                                        .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    else
        out->v4 = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr = {htonl(INADDR_LOOPBACK)}};
    *len = is_v6 ? sizeof(out->v6) : sizeof(out->v4);
    return true;
}

bool socket_loopback_is_valid(const char *text)
{
    union address address;
    socklen_t len;

    return parse(text, &address, &len);
}

int socket_loopback_listen(const char *text, const char *option, struct text *why)
{
    union address address;
    socklen_t len = 0;
    int fd = -1, on = 1, rc = 0;

    if (!parse(text, &address, &len))
        rc = -EINVAL;
    if (rc == 0) {
        fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        rc = fd < 0 ? -errno : 0;
    }
    /* Connections of an earlier daemon that linger do not keep the port. */
    if (rc == 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
                    bind(fd, &address.any, len) < 0 || listen(fd, BACKLOG) < 0))
        rc = -errno;
    if (rc == 0)
        return fd;
    text_addf(why, "cannot listen at port %s of this computer: %s; choose another one with %s",
              text, error_text(-rc), option);
    if (fd >= 0)
        close(fd);
    return rc;
}
