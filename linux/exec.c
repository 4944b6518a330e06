/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in a real Linux guest through the agent in its init (docs/linux-guests.md).
 * Exit status: the command's; 125 when it could not be run or its end is not known.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { EXIT_TROUBLE = 125, INPUT_MAX = 64 << 20, LINE_SIZE = 256 };

struct bytes {
    char *data;
    size_t len;
};

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *format, ...)
{
    va_list args;

    fputs("exec: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_TROUBLE);
}

static void add(struct bytes *b, const char *data, size_t len)
{
    char *more = realloc(b->data, b->len + len + 1);

    if (!more)
        die("out of memory");
    memcpy(more + b->len, data, len);
    b->data = more;
    b->len += len;
}

/* A character inside single quotes of the guest's shell; a request is one line, so newlines hide.
 */
static void add_quoted(struct bytes *line, char c)
{
    if (c == '\'')
        add(line, "'\\''", 4);
    else if (c == '\n')
        add(line, "'$'\\n''", 7);
    else
        add(line, &c, 1);
}

/* The words as a line of shell that gives exactly these words again. */
static struct bytes quote(char **words)
{
    struct bytes line = {0};

    for (; *words; words++) {
        add(&line, line.len ? " '" : "'", line.len ? 2 : 1);
        for (const char *c = *words; *c; c++)
            add_quoted(&line, *c);
        add(&line, "'", 1);
    }
    add(&line, "\n", 1);
    return line;
}

static struct bytes read_input(void)
{
    struct bytes input = {0};
    char part[65536];
    ssize_t n;

    while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0) {
        add(&input, part, n);
        if (input.len > INPUT_MAX)
            die("more than %d MiB on standard input", INPUT_MAX >> 20);
    }
    if (n < 0)
        die("standard input: %s", strerror(errno));
    return input;
}

static int connect_to(const char *path, unsigned timeout_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {timeout_s, 0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        die("%s: path of a socket longer than %zu bytes", path, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        die("%s: %s", path, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die(errno == EAGAIN ? "the guest does not take the command" : "cannot send: %m");
        data += n;
        len -= n;
    }
}

static size_t receive(int fd, char *data, size_t size)
{
    ssize_t n;

    do
        n = recv(fd, data, size, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        die(errno == EAGAIN ? "the guest does not answer" : "cannot receive: %m");
    if (n == 0)
        die("the guest is gone");
    return n;
}

/* The next line of less than LINE_SIZE bytes; longer ones are leftovers of somebody else. */
static void receive_line(int fd, char line[static LINE_SIZE])
{
    size_t len = 0;

    for (;;) {
        char c;

        receive(fd, &c, 1);
        if (c == '\n' && len < LINE_SIZE)
            break;
        if (c == '\n')
            len = 0;
        else if (len < LINE_SIZE - 1)
            line[len++] = c;
        else
            len = LINE_SIZE;
    }
    line[len] = '\0';
}

static void copy(int fd, size_t len, int to)
{
    char part[65536];

    while (len) {
        size_t n = receive(fd, part, len < sizeof(part) ? len : sizeof(part));

        for (size_t done = 0; done < n;) {
            ssize_t w = write(to, part + done, n - done);

            if (w < 0 && errno != EINTR)
                die("cannot write: %m");
            done += w > 0 ? w : 0;
        }
        len -= n;
    }
}

/* Bytes before our answer are leftovers of a client that went away: they are skipped. */
static int take_answer(int fd, uint64_t id)
{
    char line[LINE_SIZE], end;
    unsigned long long answered;
    unsigned status;
    size_t out, err;

    for (;;) {
        receive_line(fd, line);
        if (sscanf(line, "done %llx %u %zu %zu%c", &answered, &status, &out, &err, &end) != 4)
            continue;
        if (answered != id)
            continue;
        copy(fd, out, STDOUT_FILENO);
        copy(fd, err, STDERR_FILENO);
        return status & 255;
    }
}

static int run(const char *path, unsigned timeout_s, bool with_input, char **command)
{
    struct bytes line = quote(command), input = {0};
    char header[128];
    uint64_t id;
    int fd, n, status;

    if (with_input)
        input = read_input();
    if (getrandom(&id, sizeof(id), 0) != sizeof(id))
        die("no random numbers");
    fd = connect_to(path, timeout_s);
    n = snprintf(header, sizeof(header), "\nexec %llx %zu ", (unsigned long long)id, input.len);
    send_all(fd, header, n);
    send_all(fd, line.data, line.len);
    send_all(fd, input.data, input.len);
    status = take_answer(fd, id);
    close(fd);
    free(line.data);
    free(input.data);
    return status;
}

int main(int argc, char **argv)
{
    bool with_input = false;
    unsigned timeout_s = 0;
    int option;

    while ((option = getopt(argc, argv, "+it:")) != -1) {
        char *end = NULL;

        switch (option) {
        case 'i':
            with_input = true;
            break;
        case 't':
            timeout_s = strtoul(optarg, &end, 10);
            if (*end || end == optarg)
                die("-t needs a number of seconds");
            break;
        default:
            argc = 0;
        }
    }
    if (argc - optind < 2) {
        fputs("usage: exec [-i] [-t SECONDS] SOCKET COMMAND [ARGUMENT...]\n"
              "  -i  the command reads our standard input (all of it is sent first)\n"
              "  -t  give up when the guest is silent for so long; the command is killed\n",
              stderr);
        return EXIT_TROUBLE;
    }
    return run(argv[optind], timeout_s, with_input, argv + optind + 1);
}
