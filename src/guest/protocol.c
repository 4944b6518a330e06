/* SPDX-License-Identifier: MIT */
#include "guest/protocol.h"

#include <errno.h>
#include <string.h>

/* Payload sizes without the variable part. */
enum {
    HELLO_SIZE = 28,
    WELCOME_SIZE = 8,
    REFUSE_SIZE = 4,
    INSN_SIZE = 64,
    INSN_REPLY_SIZE = 68,
    SERVC_SIZE = 4,
    SERVC_REPLY_SIZE = 4,
    NOTIFY_SIZE = 12,
};

enum { FC_QCI = 4, PGM_SPECIFICATION = 6, RC_NOT_AVAILABLE = 0x01, QCI_SIZE = 128 };

/* A cursor over bytes. The caller checks the bounds. */
struct reader {
    const uint8_t *at;
};

struct writer {
    uint8_t *at;
};

static uint64_t take(struct reader *r, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | *r->at++;
    return value;
}

static uint8_t take_u8(struct reader *r)
{
    return (uint8_t)take(r, 1);
}

static uint16_t take_u16(struct reader *r)
{
    return (uint16_t)take(r, 2);
}

static uint32_t take_u32(struct reader *r)
{
    return (uint32_t)take(r, 4);
}

static void give(struct writer *w, uint64_t value, unsigned bytes)
{
    while (bytes--)
        *w->at++ = (uint8_t)(value >> 8 * bytes);
}

static void take_many(struct reader *r, uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        values[i] = take(r, 8);
}

static void give_many(struct writer *w, const uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        give(w, values[i], 8);
}

static void give_bytes(struct writer *w, const void *data, size_t len)
{
    if (len)
        memcpy(w->at, data, len);
    w->at += len;
}

bool guest_type_is_from_client(uint16_t type)
{
    return type == GUEST_HELLO || type == GUEST_INSN || type == GUEST_SERVC || type == GUEST_RESET;
}

/* Checks shared by parse and format, so that both allow the same frames. Each returns NULL or a
 * text that names the error. */

static const char *check_name(const char *name, size_t len)
{
    if (len > GUEST_NAME_MAX)
        return "HELLO: name longer than 63 characters";
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!word && c != '.' && c != '_' && c != '-')
            return "HELLO: name has a character other than letters, digits, '.', '_', '-'";
    }
    return NULL;
}

static const char *check_hello(const struct guest_hello *hello)
{
    if (!hello->version)
        return "HELLO: version 0";
    if (hello->role < GUEST_ROLE_GUEST || hello->role > GUEST_ROLE_NONE)
        return "HELLO: unknown role";
    if (hello->features & ~GUEST_FEATURE_ALL)
        return "HELLO: unknown feature";
    return check_name(hello->name, hello->name_len);
}

static const char *check_welcome(const struct guest_welcome *welcome)
{
    if (!welcome->version)
        return "WELCOME: version 0";
    return welcome->features & ~GUEST_FEATURE_ALL ? "WELCOME: unknown feature" : NULL;
}

static const char *check_refuse(const struct guest_refuse *refuse)
{
    if (refuse->error < 1 || refuse->error > 4095)
        return "REFUSE: error is not an errno";
    if (!refuse->text_len || refuse->text_len > GUEST_TEXT_MAX)
        return "REFUSE: text is empty or longer than 512 bytes";
    for (size_t i = 0; i < refuse->text_len; i++)
        if ((unsigned char)refuse->text[i] < 0x20 || refuse->text[i] == 0x7f)
            return "REFUSE: text has a control character";
    return NULL;
}

static const char *check_insn(const struct guest_insn *insn)
{
    if (insn->opcode < GUEST_OPCODE_NQAP || insn->opcode > GUEST_OPCODE_PQAP)
        return "INSN: not the operation code of NQAP, DQAP or PQAP";
    if (insn->r1 > 15 || insn->r2 > 15)
        return "INSN: register number above 15";
    if (insn->opcode == GUEST_OPCODE_PQAP &&
        (insn->p1[0] || insn->p1[1] || insn->p2[0] || insn->p2[1]))
        return "INSN: register pairs are not 0 with PQAP";
    if (insn->opcode == GUEST_OPCODE_NQAP) {
        uint64_t wanted = insn->p2[1] < GUEST_DATA_MAX ? insn->p2[1] : GUEST_DATA_MAX;

        if (insn->data_len != wanted)
            return "INSN: length of the NQAP message is not that of its length register";
    } else if (insn->data_len) {
        return "INSN: data given with an instruction other than NQAP";
    }
    return NULL;
}

static const char *check_insn_reply(const struct guest_insn_reply *reply)
{
    if (reply->cc > 3)
        return "INSN_REPLY: condition code above 3";
    if (reply->data_len > GUEST_DATA_MAX)
        return "INSN_REPLY: more than 65536 bytes of data";
    if (reply->program_check && (reply->cc || reply->data_len))
        return "INSN_REPLY: program check together with a result";
    if (!reply->data_len && reply->address)
        return "INSN_REPLY: address without data";
    return NULL;
}

static const char *check_servc(const struct guest_servc *servc)
{
    uint32_t word = servc->command & ~0xff00u;

    if (word != GUEST_SERVC_CONFIGURE && word != GUEST_SERVC_DECONFIGURE)
        return "SERVC: not Configure or Deconfigure AP";
    return NULL;
}

static const char *check_notify(const struct guest_notify *notify)
{
    if (notify->kind < GUEST_NOTIFY_CONFIG || notify->kind > GUEST_NOTIFY_INTERRUPT)
        return "NOTIFY: unknown kind";
    if (notify->isc > 7)
        return "NOTIFY: interruption subclass above 7";
    if (notify->kind != GUEST_NOTIFY_INTERRUPT && (notify->isc || notify->apqn || notify->nib))
        return "NOTIFY: queue given with a kind other than INTERRUPT";
    return NULL;
}

/* id 0 marks frames that belong to no request: greetings, refusals and notifications. */
static const char *check_id(const struct guest_frame *frame)
{
    bool greeting = frame->type <= GUEST_REFUSE || frame->type == GUEST_NOTIFY;

    if (greeting && frame->id)
        return "id other than 0 in a frame that belongs to no request";
    if (!greeting && !frame->id)
        return "id 0 in a request or reply";
    return NULL;
}

static const char *check_frame(const struct guest_frame *frame)
{
    const char *wrong = check_id(frame);

    if (wrong)
        return wrong;
    switch (frame->type) {
    case GUEST_HELLO:
        return check_hello(&frame->hello);
    case GUEST_WELCOME:
        return check_welcome(&frame->welcome);
    case GUEST_REFUSE:
        return check_refuse(&frame->refuse);
    case GUEST_INSN:
        return check_insn(&frame->insn);
    case GUEST_INSN_REPLY:
        return check_insn_reply(&frame->insn_reply);
    case GUEST_SERVC:
        return check_servc(&frame->servc);
    case GUEST_NOTIFY:
        return check_notify(&frame->notify);
    default:
        return NULL;
    }
}

/* Size of the fixed payload, and the maximum of the variable part. False: unknown type. */
static bool type_sizes(uint16_t type, size_t *fixed, size_t *tail)
{
    static const struct {
        size_t fixed, tail;
    } sizes[] = {
        [GUEST_HELLO] = {HELLO_SIZE, GUEST_NAME_MAX},
        [GUEST_WELCOME] = {WELCOME_SIZE, 0},
        [GUEST_REFUSE] = {REFUSE_SIZE, GUEST_TEXT_MAX},
        [GUEST_INSN] = {INSN_SIZE, GUEST_DATA_MAX},
        [GUEST_INSN_REPLY] = {INSN_REPLY_SIZE, GUEST_DATA_MAX},
        [GUEST_SERVC] = {SERVC_SIZE, 0},
        [GUEST_SERVC_REPLY] = {SERVC_REPLY_SIZE, 0},
        [GUEST_NOTIFY] = {NOTIFY_SIZE, 0},
        [GUEST_RESET] = {0, 0},
        [GUEST_RESET_REPLY] = {0, 0},
    };

    if (type < GUEST_HELLO || type > GUEST_RESET_REPLY)
        return false;
    *fixed = sizes[type].fixed;
    *tail = sizes[type].tail;
    return true;
}

int guest_frame_measure(const uint8_t *bytes, size_t len, size_t *frame_len, const char **why)
{
    const char *wrong;
    uint64_t announced;

    if (len < 4)
        return -EAGAIN;
    announced = take(&(struct reader){bytes}, 4);
    if (announced >= GUEST_HEADER_SIZE && announced <= GUEST_FRAME_MAX) {
        *frame_len = announced;
        return 0;
    }
    wrong = announced < GUEST_HEADER_SIZE ? "frame shorter than its header" : "frame too long";
    if (why)
        *why = wrong;
    return announced < GUEST_HEADER_SIZE ? -EPROTO : -EMSGSIZE;
}

static const char *parse_hello(struct reader *r, size_t tail, struct guest_hello *hello)
{
    if (take_u32(r) != GUEST_PROTOCOL_MAGIC)
        return "HELLO: wrong magic";
    hello->version = take_u16(r);
    hello->role = take_u8(r);
    if (take_u8(r))
        return "HELLO: reserved byte is not 0";
    hello->features = take_u32(r);
    memcpy(hello->mdev, r->at, sizeof(hello->mdev));
    hello->name = (const char *)r->at + sizeof(hello->mdev);
    hello->name_len = tail;
    return NULL;
}

static const char *parse_welcome(struct reader *r, struct guest_welcome *welcome)
{
    welcome->version = take_u16(r);
    if (take_u16(r))
        return "WELCOME: reserved bytes are not 0";
    welcome->features = take_u32(r);
    return NULL;
}

static const char *parse_insn(struct reader *r, size_t tail, struct guest_insn *insn)
{
    insn->opcode = take_u16(r);
    insn->cpu = take_u16(r);
    insn->r1 = take_u8(r);
    insn->r2 = take_u8(r);
    if (take_u16(r))
        return "INSN: reserved bytes are not 0";
    take_many(r, insn->gr, 3);
    take_many(r, insn->p1, 2);
    take_many(r, insn->p2, 2);
    insn->data = tail ? r->at : NULL;
    insn->data_len = tail;
    return NULL;
}

static const char *parse_insn_reply(struct reader *r, size_t tail, struct guest_insn_reply *reply)
{
    reply->program_check = take_u16(r);
    reply->cc = take_u8(r);
    if (take_u8(r))
        return "INSN_REPLY: reserved byte is not 0";
    take_many(r, reply->gr, 3);
    take_many(r, reply->p1, 2);
    take_many(r, reply->p2, 2);
    reply->address = take(r, 8);
    reply->data = tail ? r->at : NULL;
    reply->data_len = tail;
    return NULL;
}

static const char *parse_payload(struct reader *r, size_t tail, struct guest_frame *frame)
{
    switch (frame->type) {
    case GUEST_HELLO:
        return parse_hello(r, tail, &frame->hello);
    case GUEST_WELCOME:
        return parse_welcome(r, &frame->welcome);
    case GUEST_REFUSE:
        frame->refuse.error = take_u32(r);
        frame->refuse.text = (const char *)r->at;
        frame->refuse.text_len = tail;
        return NULL;
    case GUEST_INSN:
        return parse_insn(r, tail, &frame->insn);
    case GUEST_INSN_REPLY:
        return parse_insn_reply(r, tail, &frame->insn_reply);
    case GUEST_SERVC:
        frame->servc.command = take_u32(r);
        return NULL;
    case GUEST_SERVC_REPLY:
        frame->servc_reply.response = take_u16(r);
        return take_u16(r) ? "SERVC_REPLY: reserved bytes are not 0" : NULL;
    case GUEST_NOTIFY:
        frame->notify.kind = take_u8(r);
        frame->notify.isc = take_u8(r);
        frame->notify.apqn = take_u16(r);
        frame->notify.nib = take(r, 8);
        return NULL;
    default:
        return NULL;
    }
}

/* Returns NULL and *frame, or a text that names the error. */
static const char *parse_frame(const uint8_t *bytes, size_t len, struct guest_frame *frame)
{
    struct reader r = {bytes};
    size_t fixed, tail;
    const char *wrong;

    if (len < GUEST_HEADER_SIZE)
        return "frame shorter than its header";
    if (take_u32(&r) != len)
        return "length in the header differs from that of the frame";
    frame->type = take_u16(&r);
    if (take_u16(&r))
        return "reserved bytes of the header are not 0";
    frame->id = take_u32(&r);
    if (!type_sizes(frame->type, &fixed, &tail))
        return "unknown frame type";
    len -= GUEST_HEADER_SIZE;
    if (len < fixed)
        return "frame shorter than its type requires";
    if (len - fixed > tail)
        return "frame longer than its type allows";
    wrong = parse_payload(&r, len - fixed, frame);
    return wrong ? wrong : check_frame(frame);
}

int guest_frame_parse(const uint8_t *bytes, size_t len, struct guest_frame *frame, const char **why)
{
    struct guest_frame parsed = {0};
    const char *wrong = parse_frame(bytes, len, &parsed);

    if (wrong) {
        if (why)
            *why = wrong;
        return -EPROTO;
    }
    *frame = parsed;
    return 0;
}

static size_t tail_len(const struct guest_frame *frame)
{
    switch (frame->type) {
    case GUEST_HELLO:
        return frame->hello.name_len;
    case GUEST_REFUSE:
        return frame->refuse.text_len;
    case GUEST_INSN:
        return frame->insn.data_len;
    case GUEST_INSN_REPLY:
        return frame->insn_reply.data_len;
    default:
        return 0;
    }
}

static void format_insn(struct writer *w, const struct guest_insn *insn)
{
    give(w, insn->opcode, 2);
    give(w, insn->cpu, 2);
    give(w, insn->r1, 1);
    give(w, insn->r2, 1);
    give(w, 0, 2);
    give_many(w, insn->gr, 3);
    give_many(w, insn->p1, 2);
    give_many(w, insn->p2, 2);
    give_bytes(w, insn->data, insn->data_len);
}

static void format_insn_reply(struct writer *w, const struct guest_insn_reply *reply)
{
    give(w, reply->program_check, 2);
    give(w, reply->cc, 1);
    give(w, 0, 1);
    give_many(w, reply->gr, 3);
    give_many(w, reply->p1, 2);
    give_many(w, reply->p2, 2);
    give(w, reply->address, 8);
    give_bytes(w, reply->data, reply->data_len);
}

static void format_payload(struct writer *w, const struct guest_frame *frame)
{
    switch (frame->type) {
    case GUEST_HELLO:
        give(w, GUEST_PROTOCOL_MAGIC, 4);
        give(w, frame->hello.version, 2);
        give(w, frame->hello.role, 1);
        give(w, 0, 1);
        give(w, frame->hello.features, 4);
        give_bytes(w, frame->hello.mdev, sizeof(frame->hello.mdev));
        give_bytes(w, frame->hello.name, frame->hello.name_len);
        break;
    case GUEST_WELCOME:
        give(w, frame->welcome.version, 2);
        give(w, 0, 2);
        give(w, frame->welcome.features, 4);
        break;
    case GUEST_REFUSE:
        give(w, frame->refuse.error, 4);
        give_bytes(w, frame->refuse.text, frame->refuse.text_len);
        break;
    case GUEST_INSN:
        format_insn(w, &frame->insn);
        break;
    case GUEST_INSN_REPLY:
        format_insn_reply(w, &frame->insn_reply);
        break;
    case GUEST_SERVC:
        give(w, frame->servc.command, 4);
        break;
    case GUEST_SERVC_REPLY:
        give(w, (uint64_t)frame->servc_reply.response << 16, 4);
        break;
    case GUEST_NOTIFY:
        give(w, frame->notify.kind, 1);
        give(w, frame->notify.isc, 1);
        give(w, frame->notify.apqn, 2);
        give(w, frame->notify.nib, 8);
        break;
    }
}

int guest_frame_format(const struct guest_frame *frame, uint8_t *bytes, size_t size, size_t *len,
                       const char **why)
{
    struct writer w = {bytes};
    size_t fixed, tail, total;
    const char *wrong;

    wrong = type_sizes(frame->type, &fixed, &tail) ? check_frame(frame) : "unknown frame type";
    if (wrong) {
        if (why)
            *why = wrong;
        return -EINVAL;
    }
    total = GUEST_HEADER_SIZE + fixed + tail_len(frame);
    if (total > size)
        return -ENOBUFS;
    give(&w, total, 4);
    give(&w, frame->type, 2);
    give(&w, 0, 2);
    give(&w, frame->id, 4);
    format_payload(&w, frame);
    *len = total;
    return 0;
}

static bool is_qci(const struct guest_insn *insn)
{
    return insn->opcode == GUEST_OPCODE_PQAP && (insn->gr[0] >> 24 & 0xff) == FC_QCI;
}

int guest_reply_check(const struct guest_insn *insn, const struct guest_insn_reply *reply,
                      const char **why)
{
    uint64_t start = 0, size = 0;

    if (!reply->data_len)
        return 0;
    if (insn->opcode == GUEST_OPCODE_DQAP) {
        start = insn->p2[0];
        size = insn->p2[1];
    } else if (is_qci(insn)) {
        start = insn->gr[2];
        size = QCI_SIZE;
    }
    if (reply->address >= start && reply->data_len <= size &&
        reply->address - start <= size - reply->data_len)
        return 0;
    if (why)
        *why = "INSN_REPLY: stores outside the operand of the instruction";
    return -EPROTO;
}

void guest_reply_absent(const struct guest_insn *insn, uint8_t block[static 128],
                        struct guest_insn_reply *reply)
{
    bool pairs = insn->opcode != GUEST_OPCODE_PQAP;
    struct guest_insn_reply r = {0};

    memcpy(r.gr, insn->gr, sizeof(r.gr));
    memcpy(r.p1, insn->p1, sizeof(r.p1));
    memcpy(r.p2, insn->p2, sizeof(r.p2));
    if (pairs && ((insn->r1 | insn->r2) & 1)) {
        r.program_check = PGM_SPECIFICATION;
    } else if (is_qci(insn)) {
        memset(block, 0, QCI_SIZE);
        /* A kernel that boots now keeps these limits, so report the widest: S and N bits, adapters
         * and domains up to 255. */
        block[0] = 0xc0;
        block[4] = block[5] = 0xff;
        r.address = insn->gr[2];
        r.data = block;
        r.data_len = QCI_SIZE;
    } else {
        r.cc = 3;
        r.gr[1] = (r.gr[1] & ~0xffffffffull) | RC_NOT_AVAILABLE << 16;
        r.gr[2] = 0;
    }
    *reply = r;
}
