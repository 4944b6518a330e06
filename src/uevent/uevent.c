/* SPDX-License-Identifier: MIT */
#include "uevent/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel's buffer for a uevent, less the longest SEQNUM=18446744073709551615 and its NUL. */
#define UEVENT_MAX (2048 - 28)

/* Linux 6.17: NET_NS_INIT_INO of linux/nsfs.h. */
#define NETNS_INITIAL 0xeffffff9u
#define PIDNS_INITIAL UINT64_C(0xeffffffc) /* PROC_PID_INIT_INO */

/* Messages that are sent by one system call. The kernel's answers to all fit into the socket. */
#define BATCH 64

struct sending {
    const char *record;
    size_t at, len; /* in messages */
    int error;      /* negative: it was rejected */
};

struct uevent_sender {
    int fd;
    uint32_t number; /* of the last message */
    unsigned count;  /* of those in batch, which have the numbers up to this one */
    struct sending batch[BATCH];
    struct text messages, message;
};

/* The value of "KEY=value" at p, which must end before end; *next is what follows. NULL if p has
 * another key. */
static const char *value(const char *p, const char *end, const char *key, const char **next)
{
    size_t len = strlen(key);
    const char *nul = memchr(p, '\0', (size_t)(end - p));

    if (!nul || (size_t)(nul - p) < len || memcmp(p, key, len) != 0)
        return NULL;
    *next = nul + 1;
    return p + len;
}

int uevent_format(const char *record, size_t len, uint32_t number, struct text *out)
{
    const char *end = record + len, *next;
    const char *action = value(record, end, "ACTION=", &next);
    const char *path = action ? value(next, end, "DEVPATH=", &next) : NULL;
    struct nlmsghdr header = {.nlmsg_type = NLMSG_MIN_TYPE,
                              .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                              .nlmsg_seq = number};
    size_t title;

    if (!path || end[-1] != '\0')
        return -EINVAL;
    title = strlen(action) + 1 + strlen(path) + 1;
    if (title + len > UEVENT_MAX)
        return -EINVAL;
    header.nlmsg_len = (uint32_t)(sizeof(header) + title + len);
    text_clear(out);
    text_add(out, (const char *)&header, sizeof(header));
    text_addf(out, "%s@%s", action, path);
    text_add(out, "", 1);
    text_add(out, record, len);
    return 0;
}

static int netns_of_path(const char *path, uint64_t *out)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    *out = st.st_ino;
    return 0;
}

static int netns_of_socket(int fd, uint64_t *out)
{
    struct stat st;
    int netns = ioctl(fd, SIOCGSKNS), ret;

    if (netns < 0)
        return -errno;
    ret = fstat(netns, &st) < 0 ? -errno : 0;
    close(netns);
    if (ret == 0)
        *out = st.st_ino;
    return ret;
}

int uevent_netns_get(uint64_t *out)
{
    return netns_of_path("/proc/self/ns/net", out);
}

/*
 * Newer kernels give the initial namespace a fixed number. On older ones, root can read it from
 * process 1, unless that is the process 1 of a container, such as 'apus run' itself.
 */
static bool is_the_systems(uint64_t netns)
{
    uint64_t first = 0, processes = 0;

    return netns == NETNS_INITIAL ||
           (netns_of_path("/proc/self/ns/pid", &processes) == 0 && processes == PIDNS_INITIAL &&
            netns_of_path("/proc/1/ns/net", &first) == 0 && first == netns);
}

static int check_netns(int fd, uint64_t outside, struct text *why)
{
    uint64_t netns = 0;
    int ret = netns_of_socket(fd, &netns);

    if (ret < 0)
        text_addf(why, "uevents are not sent: the network namespace of the socket is unknown: %s%s",
                  strerror(-ret),
                  ret == -EPERM ? "; it takes the capability NET_ADMIN (docker run --cap-add "
                                  "NET_ADMIN)"
                                : "");
    else if (is_the_systems(netns))
        text_adds(why, "uevents are not sent into the system's own network namespace; they need a "
                       "separate one, as created by 'apus run --uevents'");
    else if (netns == outside)
        text_adds(why, "uevents are not sent into the network namespace of the caller; they need a "
                       "separate one, as created by 'apus run --uevents'");
    else
        return 0;
    return -EPERM;
}

int uevent_socket_open(uint64_t outside, struct text *why)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    int ret = fd < 0 ? -errno : 0;

    if (ret == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        ret = -errno;
    if (ret < 0)
        text_addf(why, "cannot open a netlink socket for uevents: %s", strerror(-ret));
    else
        ret = check_netns(fd, outside, why);
    if (ret < 0 && fd >= 0)
        close(fd);
    return ret < 0 ? ret : fd;
}

static int option(int fd, int name)
{
    int got = -1;
    socklen_t len = sizeof(got);

    return getsockopt(fd, SOL_SOCKET, name, &got, &len) < 0 ? -1 : got;
}

int uevent_sender_new(int fd, uint64_t outside, struct uevent_sender **out, struct text *why)
{
    struct uevent_sender *s;
    int ret;

    if (option(fd, SO_DOMAIN) != AF_NETLINK || option(fd, SO_PROTOCOL) != NETLINK_KOBJECT_UEVENT) {
        text_addf(why, "descriptor %d is not a netlink socket for uevents", fd);
        return -EINVAL;
    }
    ret = check_netns(fd, outside, why);
    if (ret < 0)
        return ret;
    s = xcalloc(1, sizeof(*s));
    s->fd = fd;
    *out = s;
    return 0;
}

void uevent_sender_free(struct uevent_sender *s)
{
    if (!s)
        return;
    close(s->fd);
    text_done(&s->messages);
    text_done(&s->message);
    free(s);
}

/* Hands them to the kernel. Returns whether the last one was taken. */
static bool hand_over(struct uevent_sender *s)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct mmsghdr all[BATCH] = {0};
    struct iovec parts[BATCH];
    unsigned done = 0;

    for (unsigned i = 0; i < s->count; i++) {
        parts[i] = (struct iovec){s->messages.data + s->batch[i].at, s->batch[i].len};
        all[i].msg_hdr = (struct msghdr){.msg_name = &kernel,
                                         .msg_namelen = sizeof(kernel),
                                         .msg_iov = &parts[i],
                                         .msg_iovlen = 1};
    }
    while (done < s->count) {
        int n = sendmmsg(s->fd, all + done, s->count - done, 0);

        if (n < 0)
            s->batch[done].error = -errno;
        done += n < 0 ? 1 : (unsigned)n;
    }
    return s->batch[s->count - 1].error == 0;
}

/* The kernel's next answer, if there is one: *number is that of its message. 0; 1: there is none;
 * or -errno. */
static int receive(struct uevent_sender *s, uint32_t *number, int *error)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    ssize_t n;

    do {
        n = recv(s->fd, &answer, sizeof(answer), MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN ? 1 : -errno;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof(answer.error)))
            return -EPROTO;
    } while (answer.header.nlmsg_type != NLMSG_ERROR);
    *number = answer.header.nlmsg_seq;
    *error = answer.error.error;
    return 0;
}

/* The answers are there when sending has returned: of what was rejected, and of the last message,
 * which asks for one. */
static void take_answers(struct uevent_sender *s, bool wait_for_last)
{
    struct sending *last = &s->batch[s->count - 1];
    uint32_t first = s->number - s->count + 1, number;
    int rc, error;

    while ((rc = receive(s, &number, &error)) == 0) {
        if (number - first < s->count)
            s->batch[number - first].error = error;
        wait_for_last &= number != s->number;
    }
    if (rc < 0 || wait_for_last)
        last->error = rc < 0 ? rc : -EAGAIN;
}

/* Only the last one asks for an answer; the kernel also answers what it rejects. */
static void ask_for_one_answer(struct uevent_sender *s)
{
    for (unsigned i = 0; i + 1 < s->count; i++) {
        char *at = s->messages.data + s->batch[i].at;
        struct nlmsghdr header;

        memcpy(&header, at, sizeof(header));
        header.nlmsg_flags &= (uint16_t)~NLM_F_ACK;
        memcpy(at, &header, sizeof(header));
    }
}

static void reject(const char *record, int error, int *first, struct text *why)
{
    if (*first == 0)
        text_addf(why, "the kernel rejected the uevent %s %s: %s", record,
                  record + strlen(record) + 1, strerror(-error));
    *first = *first ? *first : error;
}

/* Sends the batch, which is empty then. */
static void flush(struct uevent_sender *s, int *first, struct text *why)
{
    if (!s->count)
        return;
    ask_for_one_answer(s);
    take_answers(s, hand_over(s));
    for (unsigned i = 0; i < s->count; i++)
        if (s->batch[i].error < 0)
            reject(s->batch[i].record, s->batch[i].error, first, why);
    s->count = 0;
    text_clear(&s->messages);
}

int uevent_sender_effects(struct uevent_sender *s, const struct effects *effects, struct text *why)
{
    int first = 0;

    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->v[i];
        const char *record = effect_text(effects, e);
        int ret;

        if (e->kind != EFFECT_UEVENT || e->tree != 0)
            continue;
        ret = uevent_format(record, e->len, s->number + 1, &s->message);
        if (ret < 0) {
            flush(s, &first, why);
            reject(record, ret, &first, why);
            continue;
        }
        s->number++;
        s->batch[s->count++] = (struct sending){record, s->messages.len, s->message.len, 0};
        text_add(&s->messages, s->message.data, s->message.len);
        if (s->count == BATCH)
            flush(s, &first, why);
    }
    flush(s, &first, why);
    return first;
}
