/* SPDX-License-Identifier: MIT */
#include "cli/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"

/* The errno of the first write that failed. A stream itself only remembers that one did. */
static int failed;

void standard_occupy(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

static ssize_t write_output(void *unused, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(STDOUT_FILENO, data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !failed)
            failed = errno;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

void standard_watch(void)
{
    FILE *watched = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_output});

    if (!watched)
        return;
    setvbuf(watched, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    stdout = watched;
}

int standard_finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    failed = failed ? failed : EIO;
    cli_error(failed, "cannot write the output: %s", error_text(failed));
    return status ? status : 1;
}
