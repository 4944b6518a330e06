/* SPDX-License-Identifier: MIT */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "file/own_file.h"

/* Whose file it is and where its links lead is the caller's choice, as with a redirection; but what
 * does not fit leaves what was there before. */
static int write_file(const char *path, const char *data, size_t len, struct text *why)
{
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
    struct own_file f = {.dir = AT_FDCWD, .path = (char *)path};
    struct stat st;
    int rc;

    f.fd = open(path, flags | O_EXCL, 0666);
    f.created = f.fd >= 0;
    if (f.fd < 0 && errno == EEXIST)
        f.fd = open(path, flags, 0666);
    if (f.fd < 0)
        return own_file_refuse(path, -errno, error_text(errno), why);
    if (fstat(f.fd, &st) == 0 && S_ISREG(st.st_mode)) {
        rc = own_file_replace(&f, 0, data, len, why);
    } else {
        rc = own_file_stream(f.fd, data, len);
        if (rc < 0)
            own_file_refuse(path, rc, error_text(-rc), why);
    }
    if (rc < 0 && f.created)
        unlink(path);
    if (close(f.fd) < 0 && rc == 0)
        rc = own_file_refuse(path, -errno, error_text(errno), why);
    return rc;
}

int output_write(const char *path, const struct text *text)
{
    const char *data = text->data ? text->data : "";
    text_auto why = {0};
    int rc;

    if (path && !*path)
        return cli_error(ENOENT, "an empty name is no file to write to; - is standard output");
    if (!path || strcmp(path, "-") == 0) {
        fwrite(data, 1, text->len, stdout); /* standard_finish looks whether it was written */
        return 0;
    }
    rc = write_file(path, data, text->len, &why);
    return rc < 0 ? cli_error(-rc, "%s", why.data) : 0;
}
