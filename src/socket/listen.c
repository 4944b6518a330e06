/* SPDX-License-Identifier: MIT */
#include "socket/listen.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Clients that may wait to be accepted; the system may reduce it. */
#define BACKLOG 4096

#define LOCK_TRIES   20
#define LOCK_WAIT_US 5000

static int refuse(struct text *why, int error, const char *path, const char *option)
{
    switch (error) {
    case ENOENT:
        text_addf(why, "the directory of the socket %s does not exist; create it first", path);
        break;
    case ENOSPC:
    case EDQUOT:
        text_addf(why,
                  "no space left for the socket %s; free some, or choose another place with %s",
                  path, option);
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        text_addf(why, "no permission to create the socket %s; choose another place with %s", path,
                  option);
        break;
    default:
        text_addf(why, "cannot create the socket %s: %s", path, error_text(error));
    }
    return -error;
}

static bool take_path(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(out->sun_path))
        return false;
    strcpy(out->sun_path, path);
    return true;
}

int socket_probe(const char *path)
{
    struct sockaddr_un address;
    struct stat st;
    int fd, rc;

    if (!take_path(path, &address))
        return -ENAMETOOLONG;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    rc = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    close(fd);
    if (rc != -ECONNREFUSED)
        return -EADDRINUSE;
    return st.st_uid == geteuid() ? rc : -EPERM;
}

/* Removes a socket that nobody listens to. */
static int make_room(const char *path, const char *option, struct text *why)
{
    int rc = socket_probe(path);

    if (rc == 0 || (rc == -ECONNREFUSED && (unlink(path) == 0 || errno == ENOENT)))
        return 0;
    if (rc == -EEXIST)
        text_addf(why, "%s exists and is not a socket; remove it, or choose another path with %s",
                  path, option);
    else if (rc == -EADDRINUSE)
        text_addf(why, "another daemon answers at %s; stop it, or choose another path with %s",
                  path, option);
    else if (rc == -EPERM)
        text_addf(why,
                  "%s is a socket of another user, to which nobody listens; remove it, or choose "
                  "another path with %s",
                  path, option);
    else
        return refuse(why, rc == -ECONNREFUSED ? errno : -rc, path, option);
    return rc;
}

/* It takes no time; a directory that stays locked is locked for something else, such as a state in
 * it, and one that cannot be opened is not locked. */
int socket_lock(const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
    int fd;

    if (slash)
        snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path) + 1, path);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
        usleep(LOCK_WAIT_US);
    return fd;
}

static int listen_at(const struct sockaddr_un *address, const char *option, struct text *why)
{
    const char *path = address->sun_path;
    mode_t mask;
    int fd, rc = make_room(path, option, why);

    if (rc < 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse(why, errno, path, option);
    /* Set the mode by umask: a later chmod would leave a window in which anyone could connect. */
    mask = umask(0177);
    rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
    umask(mask);
    if (!rc && listen(fd, BACKLOG) < 0) {
        rc = errno;
        unlink(path);
    }
    if (!rc)
        return fd;
    close(fd);
    return refuse(why, rc, path, option);
}

int socket_listen(const char *path, const char *option, struct socket_place *out, struct text *why)
{
    struct sockaddr_un address;
    struct stat st;
    int fd, lock;

    if (!take_path(path, &address)) {
        text_addf(why, "the socket's path is too long (%zu bytes, at most %zu): %.40s...",
                  strlen(path), sizeof(address.sun_path) - 1, path);
        return -ENAMETOOLONG;
    }
    lock = socket_lock(path);
    fd = listen_at(&address, option, why);
    if (fd >= 0 && lstat(path, &st) == 0)
        *out = (struct socket_place){xstrdup(path), st.st_dev, st.st_ino};
    if (lock >= 0)
        close(lock);
    return fd;
}

void socket_unlink(struct socket_place *place)
{
    struct stat st;

    if (place->path && lstat(place->path, &st) == 0 && st.st_dev == place->device &&
        st.st_ino == place->ino)
        unlink(place->path);
    free(place->path);
    place->path = NULL;
}
