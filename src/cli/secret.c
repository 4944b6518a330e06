/* SPDX-License-Identifier: MIT */
#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"

#define DIGITS (2 * SECRET_BYTES)

static int parse(const char *text, const char *name, uint8_t out[SECRET_BYTES])
{
    size_t len = strspn(text, "0123456789abcdefABCDEF");

    if (len != DIGITS || (text[len] && strcmp(text + len, "\n") != 0))
        return cli_error(EINVAL, "%s does not hold %d hexadecimal digits, and nothing else", name,
                         DIGITS);
    for (size_t i = 0; i < SECRET_BYTES; i++)
        sscanf(text + 2 * i, "%2hhx", &out[i]);
    return 0;
}

static int take(int fd, const char *name, uint8_t out[SECRET_BYTES])
{
    char text[DIGITS + 3] = "";
    size_t len = 0;
    ssize_t n;
    int status;

    while (len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_error(errno, "cannot read the secret from %s: %s", name, error_text(errno));
        len += (size_t)n;
    }
    status = parse(text, name, out);
    explicit_bzero(text, sizeof text);
    return status;
}

int secret_from_file(const char *path, uint8_t out[SECRET_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), status;
    struct stat st;

    if (fd < 0)
        return cli_error(errno, "cannot read the secret from %s: %s", path, error_text(errno));
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & S_IRWXO)
        status =
            cli_error(EPERM, "other users can read the secret in %s; run chmod 600 on it", path);
    else
        status = take(fd, path, out);
    close(fd);
    return status;
}

int secret_from_fd(int fd, uint8_t out[SECRET_BYTES])
{
    int status = take(fd, "the descriptor of --secret-fd", out);

    close(fd);
    return status;
}
