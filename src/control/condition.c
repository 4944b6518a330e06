/* SPDX-License-Identifier: MIT */
#include "control/condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "control/view.h"

static int refuse(struct control_error *error, const char *format, const char *word)
{
    control_error_set(error, CONTROL_ARGUMENT, EINVAL, format, word ? word : "");
    return -EINVAL;
}

static int parse_queue(const char *word, ap_qn *out, struct control_error *error)
{
    if (word && ap_qn_parse(word, out) == 0)
        return 0;
    return refuse(error, "a queue such as 05.0004 is expected, not '%s'", word);
}

static int parse_verb(const char *word, const char *const *verbs, const char *what,
                      struct control_error *error)
{
    for (int i = 0; word && verbs[i]; i++)
        if (strcmp(word, verbs[i]) == 0)
            return i;
    return refuse(error, what, word);
}

/* words: behind the subject's name. */
static int parse_guest(char **words, struct condition *out, struct control_error *error)
{
    static const char *const verbs[] = {"runs", "has", NULL};
    int verb;

    if (!words[0])
        return refuse(error, "which guest?%s", "");
    out->name = words[0];
    verb = parse_verb(words[1], verbs, "a guest 'runs' or 'has' a queue, not '%s'", error);
    if (verb < 0)
        return verb;
    out->kind = verb ? CONDITION_GUEST_HAS : CONDITION_GUEST_RUNS;
    return verb ? parse_queue(words[2], &out->qn, error) : 0;
}

static int parse_queue_state(char **words, struct condition *out, struct control_error *error)
{
    static const char *const verbs[] = {"exists", "bound", NULL};
    int verb = parse_queue(words[0], &out->qn, error);

    if (verb < 0)
        return verb;
    verb = parse_verb(words[1], verbs, "a queue 'exists' or is 'bound', not '%s'", error);
    if (verb < 0)
        return verb;
    out->kind = verb ? CONDITION_QUEUE_BOUND : CONDITION_QUEUE_EXISTS;
    out->name = verb ? words[2] : NULL;
    return 0;
}

static int parse_mdev(char **words, struct condition *out, struct control_error *error)
{
    static const char *const verbs[] = {"exists", "has", NULL};
    int verb;

    if (!words[0] || strlen(words[0]) != UUID_TEXT - 1 ||
        uuid_parse(words[0], UUID_TEXT - 1, &out->uuid) < 0)
        return refuse(error, "the UUID of a mediated device is expected, not '%s'", words[0]);
    verb =
        parse_verb(words[1], verbs, "a mediated device 'exists' or 'has' a queue, not '%s'", error);
    if (verb < 0)
        return verb;
    out->kind = verb ? CONDITION_MDEV_HAS : CONDITION_MDEV_EXISTS;
    return verb ? parse_queue(words[2], &out->qn, error) : 0;
}

static int parse_adapter(char **words, struct condition *out, struct control_error *error)
{
    uint64_t id = AP_IDS;
    int rc;

    if (words[0] && *words[0] == '0' && strspn(words[0], "0123456789") > 1)
        return refuse(error, "'%s' could be octal or hexadecimal; write it as 8 or as 0x08",
                      words[0]);
    if (!words[0] || number_parse_u64(words[0], strlen(words[0]), 0, &id) < 0 || id >= AP_IDS)
        return refuse(error, "an adapter from 0 to 255 is expected, not '%s'", words[0]);
    rc = parse_verb(words[1], control_adapter_states,
                    "an adapter is 'online', 'standby', 'checkstop' or 'missing', not '%s'", error);
    if (rc < 0)
        return rc;
    out->kind = CONDITION_ADAPTER;
    out->apid = (unsigned)id;
    out->name = control_adapter_states[rc];
    return 0;
}

static int parse_event(char **words, struct condition *out, struct control_error *error)
{
    if (!words[0])
        return refuse(error, "which event?%s", "");
    if (out->negated)
        return refuse(error, "'not' cannot be combined with an event%s", "");
    for (unsigned i = 0; words[i]; i++)
        out->words[i] = words[i];
    out->kind = CONDITION_EVENT;
    return 0;
}

static const struct subject {
    const char *name;
    int (*parse)(char **words, struct condition *out, struct control_error *error);
} subjects[] = {{"guest", parse_guest},
                {"queue", parse_queue_state},
                {"mdev", parse_mdev},
                {"adapter", parse_adapter},
                {"event", parse_event}};

/* How many words a condition of the kind has, with its subject. */
static unsigned word_count(const struct condition *c)
{
    switch (c->kind) {
    case CONDITION_GUEST_HAS:
    case CONDITION_MDEV_HAS:
        return 4;
    case CONDITION_QUEUE_BOUND:
        return c->name ? 4 : 3;
    case CONDITION_EVENT:
        return CONDITION_WORDS_MAX;
    default:
        return 3;
    }
}

static int parse_words(char **words, unsigned count, struct condition *out,
                       struct control_error *error)
{
    int rc;

    if (words[0] && strcmp(words[0], "not") == 0) {
        out->negated = true;
        words++;
        count--;
    }
    for (size_t i = 0; words[0] && i < sizeof(subjects) / sizeof(*subjects); i++) {
        if (strcmp(words[0], subjects[i].name) != 0)
            continue;
        rc = subjects[i].parse(words + 1, out, error);
        if (rc == 0 && count > word_count(out))
            rc = refuse(error, "the condition ends before '%s'; wait for one after the other",
                        words[word_count(out)]);
        return rc;
    }
    return refuse(error, "a condition is about a guest, queue, mdev, adapter or event, not '%s'",
                  words[0]);
}

/* The text in quotes behind at, in place; a backslash takes the next character as it is. */
static char *quoted_word(char *at, char **rest)
{
    char quote = *at, *to = at;

    for (at++; *at && *at != quote; at++) {
        at += *at == '\\' && at[1];
        *to++ = *at;
    }
    *rest = *at ? at + 1 : at;
    return to;
}

/* The next word, which may be in quotes; NULL: there is none. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t\n"), *end;

    if (!*word)
        return NULL;
    if (*word == '"' || *word == '\'') {
        end = quoted_word(word, rest);
    } else {
        end = word + strcspn(word, " \t\n");
        *rest = *end ? end + 1 : end;
    }
    *end = '\0';
    return word;
}

int condition_parse(const char *text, struct condition *out, struct control_error *error)
{
    char *words[CONDITION_WORDS_MAX + 1] = {NULL}, *rest, *word;
    unsigned count = 0;
    int rc = 0;

    *out = (struct condition){.text = xstrdup(text)};
    rest = out->text;
    while (rc == 0 && (word = next_word(&rest))) {
        if (count == CONDITION_WORDS_MAX - 1)
            rc = refuse(error, "a condition has at most 15 words%s", "");
        else
            words[count++] = word;
    }
    if (rc == 0)
        rc = parse_words(words, count, out, error);
    if (rc < 0)
        condition_done(out);
    return rc;
}

void condition_done(struct condition *c)
{
    free(c->text);
    *c = (struct condition){0};
}

static bool is_in(ap_qn qn, const struct mask256 *apm, const struct mask256 *aqm)
{
    return mask256_test(apm, AP_QN_APID(qn)) && mask256_test(aqm, AP_QN_APQI(qn));
}

static bool guest_holds(const struct condition *c, const struct core *core)
{
    struct guest_info guest;

    if (core_guest_find(core, c->name, &guest) < 0)
        return false;
    return c->kind == CONDITION_GUEST_RUNS || is_in(c->qn, &guest.apm, &guest.aqm);
}

static bool mdev_holds(const struct condition *c, const struct core *core)
{
    struct mdev_info mdev;
    uint32_t cursor = 0;

    while (core_mdev_next(core, &cursor, &mdev))
        if (uuid_equal(&mdev.uuid, &c->uuid))
            return c->kind == CONDITION_MDEV_EXISTS || is_in(c->qn, &mdev.apm, &mdev.aqm);
    return false;
}

static bool queue_holds(const struct condition *c, const struct core *core)
{
    struct apqn_info q;

    core_apqn_info(core, c->qn, &q);
    if (c->kind == CONDITION_QUEUE_EXISTS || !q.device || !q.driver)
        return c->kind == CONDITION_QUEUE_EXISTS && q.device;
    if (c->name && strcmp(c->name, "zcrypt") == 0)
        return strcmp(q.driver, "vfio_ap") != 0;
    return !c->name || strcmp(c->name, q.driver) == 0;
}

static bool adapter_holds(const struct condition *c, const struct core *core)
{
    struct adapter_info a;

    core_adapter_info(core, c->apid, &a);
    return strcmp(control_view_adapter_state(&a), c->name) == 0;
}

bool condition_holds(const struct condition *c, const struct core *core)
{
    switch (c->kind) {
    case CONDITION_GUEST_RUNS:
    case CONDITION_GUEST_HAS:
        return guest_holds(c, core) != c->negated;
    case CONDITION_QUEUE_EXISTS:
    case CONDITION_QUEUE_BOUND:
        return queue_holds(c, core) != c->negated;
    case CONDITION_MDEV_EXISTS:
    case CONDITION_MDEV_HAS:
        return mdev_holds(c, core) != c->negated;
    case CONDITION_ADAPTER:
        return adapter_holds(c, core) != c->negated;
    case CONDITION_EVENT:
        return false;
    }
    abort();
}

static bool is_string(const json_t *value, const char *word)
{
    return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

/* KEY=VALUE of the data. */
static bool is_variable(const json_t *data, const char *word)
{
    const char *equals = strchr(word, '='), *key;
    char number[24];
    json_t *value;

    json_object_foreach ((json_t *)data, key, value) {
        if (!equals || strlen(key) != (size_t)(equals - word) ||
            strncmp(key, word, strlen(key)) != 0)
            continue;
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        return is_string(value, equals + 1) ||
               (json_is_integer(value) && strcmp(number, equals + 1) == 0);
    }
    return false;
}

static bool word_fits(const char *word, const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    const char *path = json_string_value(json_object_get(data, "DEVPATH"));
    const char *slash = path ? strrchr(path, '/') : NULL;

    return is_variable(data, word) || is_string(json_object_get(event, "event"), word) ||
           is_string(json_object_get(data, "ACTION"), word) ||
           is_string(json_object_get(data, "guest"), word) ||
           (slash && strcmp(slash + 1, word) == 0);
}

bool condition_is_event(const struct condition *c, const json_t *event)
{
    if (c->kind != CONDITION_EVENT)
        return false;
    for (unsigned i = 0; c->words[i]; i++)
        if (!word_fits(c->words[i], event))
            return false;
    return true;
}
