/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in a real Linux guest through the agent in its init (docs/linux-guests.md).
 * Exit status: the command's, or 125 if it could not be run or its status is unknown.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
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

enum { EXIT_TROUBLE = 125, PART_SIZE = 65536, LINE_SIZE = 64 };

struct bytes {
    char *data;
    size_t len;
};

static bool quiet;

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *format, ...)
{
    va_list args;

    if (quiet)
        exit(EXIT_TROUBLE);
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

/* Appends a character inside single quotes for the guest's shell. A request is one line, so a
 * newline is written as an expansion. */
static void add_quoted(struct bytes *line, char c)
{
    if (c == '\'')
        add(line, "'\\''", 4);
    else if (c == '\n')
        add(line, "'$'\\n''", 7);
    else
        add(line, &c, 1);
}

/* Quotes the words as one line of shell. */
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

static int connect_to(const char *path, unsigned timeout_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {timeout_s, 0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        die("%s: socket path longer than %zu bytes", path, sizeof(address.sun_path) - 1);
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
            die(errno == EAGAIN ? "the guest does not accept the command" : "cannot send: %m");
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
        die("the guest closed the connection");
    return n;
}

/* Receives the next line of less than LINE_SIZE bytes. Longer ones are the rest of an earlier
 * client's data and are skipped. */
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

/* Skips everything before this line, which was meant for an earlier client. */
static void await_line(int fd, const char *wanted)
{
    char line[LINE_SIZE];

    do
        receive_line(fd, line);
    while (strcmp(line, wanted) != 0);
}

static void write_all(int to, const char *data, size_t len)
{
    struct pollfd writable = {to, POLLOUT, 0};

    while (len) {
        ssize_t n = write(to, data, len);

        if (n < 0 && errno == EAGAIN)
            poll(&writable, 1, -1);
        else if (n < 0 && errno != EINTR)
            die("cannot write: %m");
        data += n > 0 ? n : 0;
        len -= n > 0 ? n : 0;
    }
}

/* Copies standard output or error of the command to ours, up to its end mark. */
struct stream {
    int fd, to;
    char mark[LINE_SIZE];
    size_t held; /* bytes not yet written that may be the beginning of the mark */
    bool ended;
};

/* Returns how many bytes at the end may be the beginning of the mark. */
static size_t possible_mark(const char *data, size_t len, const char *mark)
{
    size_t n = strlen(mark) - 1;

    if (n > len)
        n = len;
    while (n && memcmp(data + len - n, mark, n) != 0)
        n--;
    return n;
}

static void stream_move(struct stream *s)
{
    char part[PART_SIZE + LINE_SIZE];
    const char *mark;
    size_t len, ready;

    memcpy(part, s->mark, s->held);
    len = s->held + receive(s->fd, part + s->held, PART_SIZE);
    mark = memmem(part, len, s->mark, strlen(s->mark));
    s->ended = mark;
    s->held = mark ? 0 : possible_mark(part, len, s->mark);
    ready = mark ? (size_t)(mark - part) : len - s->held;
    write_all(s->to, part, ready);
}

/* Copies our standard input to the command, one buffer at a time. */
struct input {
    int fd; /* -1: not wanted */
    bool ended;
    size_t start, len;
    char part[PART_SIZE];
};

static void input_read(struct input *in)
{
    ssize_t n = read(STDIN_FILENO, in->part, sizeof(in->part));

    if (n < 0 && errno != EINTR && errno != EAGAIN)
        die("standard input: %m");
    in->start = 0;
    in->len = n > 0 ? n : 0;
    in->ended = n == 0;
    /* Not closed here: QEMU drops data it has not yet read from a closed connection. */
    if (in->ended)
        shutdown(in->fd, SHUT_WR);
}

static void input_send(struct input *in)
{
    ssize_t n = send(in->fd, in->part + in->start, in->len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno != EINTR && errno != EAGAIN)
        die("cannot send: %m");
    in->start += n > 0 ? n : 0;
    in->len -= n > 0 ? n : 0;
}

struct session {
    char id[17], line[LINE_SIZE];
    int control, timeout_ms;
    unsigned status;
    bool done;
    struct stream out, err;
    struct input in;
};

/* Connects to a data port, next to the command port. */
static int open_port(const struct session *s, const char *path, const char *name,
                     unsigned timeout_s)
{
    const char *slash = strrchr(path, '/');
    char other[256], line[LINE_SIZE];
    int fd;

    snprintf(other, sizeof(other), "%.*s%s.sock", slash ? (int)(slash - path) + 1 : 0, path, name);
    fd = connect_to(other, timeout_s);
    snprintf(line, sizeof(line), "\nready %s\n", s->id);
    send_all(fd, line, strlen(line));
    snprintf(line, sizeof(line), "begin %s", s->id);
    await_line(fd, line);
    return fd;
}

static void session_begin(struct session *s, const char *path, unsigned timeout_s, bool with_input,
                          char **command)
{
    struct bytes line = quote(command);
    char words[LINE_SIZE];
    uint64_t id;

    if (getrandom(&id, sizeof(id), 0) != sizeof(id))
        die("no random numbers");
    snprintf(s->id, sizeof(s->id), "%016llx", (unsigned long long)id);
    s->timeout_ms = timeout_s ? (int)timeout_s * 1000 : -1;
    s->control = connect_to(path, timeout_s);
    snprintf(words, sizeof(words), "\nexec %s %d ", s->id, with_input);
    send_all(s->control, words, strlen(words));
    send_all(s->control, line.data, line.len);
    free(line.data);
    snprintf(words, sizeof(words), "go %s", s->id);
    await_line(s->control, words);
    s->out.to = STDOUT_FILENO;
    s->out.fd = open_port(s, path, "out", timeout_s);
    s->err.to = STDERR_FILENO;
    s->err.fd = open_port(s, path, "err", timeout_s);
    s->in.fd = with_input ? open_port(s, path, "in", timeout_s) : -1;
    snprintf(s->out.mark, sizeof(s->out.mark), "\036end %s\n", s->id);
    memcpy(s->err.mark, s->out.mark, sizeof(s->err.mark));
}

static void take_answer(struct session *s)
{
    char words[LINE_SIZE], end;

    receive_line(s->control, s->line);
    snprintf(words, sizeof(words), "done %s %%u%%c", s->id);
    s->done = sscanf(s->line, words, &s->status, &end) == 1;
}

/* Waits until input or output can be copied, and copies it. */
static void session_move(struct session *s)
{
    enum { CONTROL, OUT, ERR, IN, STDIN, COUNT };
    struct pollfd fds[COUNT] = {
        [CONTROL] = {s->done ? -1 : s->control, POLLIN, 0},
        [OUT] = {s->out.ended ? -1 : s->out.fd, POLLIN, 0},
        [ERR] = {s->err.ended ? -1 : s->err.fd, POLLIN, 0},
        [IN] = {s->in.len ? s->in.fd : -1, POLLOUT, 0},
        [STDIN] = {s->in.fd >= 0 && !s->in.ended && !s->in.len ? STDIN_FILENO : -1, POLLIN, 0},
    };
    int n = poll(fds, COUNT, s->timeout_ms);

    if (n < 0 && errno != EINTR)
        die("cannot wait: %m");
    if (n == 0)
        die("the guest does not answer");
    if (n < 0)
        return;
    if (fds[OUT].revents)
        stream_move(&s->out);
    if (fds[ERR].revents)
        stream_move(&s->err);
    if (fds[IN].revents)
        input_send(&s->in);
    if (fds[STDIN].revents)
        input_read(&s->in);
    if (fds[CONTROL].revents)
        take_answer(s);
}

static int run(const char *path, unsigned timeout_s, bool with_input, char **command)
{
    static struct session s;
    char words[LINE_SIZE];

    session_begin(&s, path, timeout_s, with_input, command);
    while (!s.done || !s.out.ended || !s.err.ended)
        session_move(&s);
    if (s.in.fd >= 0)
        close(s.in.fd);
    snprintf(words, sizeof(words), "\nbye %s\n", s.id);
    send_all(s.control, words, strlen(words));
    return s.status & 255;
}

int main(int argc, char **argv)
{
    bool with_input = false;
    unsigned timeout_s = 0;
    int option;

    while ((option = getopt(argc, argv, "+iqt:")) != -1) {
        char *end = NULL;

        switch (option) {
        case 'i':
            with_input = true;
            break;
        case 'q':
            quiet = true;
            break;
        case 't':
            timeout_s = strtoul(optarg, &end, 10);
            if (*end || end == optarg || timeout_s > 1000000)
                die("-t needs a number of seconds");
            break;
        default:
            argc = 0;
        }
    }
    if (argc - optind < 2) {
        fputs("usage: linux-exec [-i] [-q] [-t SECONDS] SOCKET COMMAND [ARGUMENT...]\n"
              "  -i  the command reads our standard input\n"
              "  -q  print no error messages\n"
              "  -t  kill the command and fail after SECONDS without any input or output\n",
              stderr);
        return EXIT_TROUBLE;
    }
    return run(argv[optind], timeout_s, with_input, argv + optind + 1);
}
