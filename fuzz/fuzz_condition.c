/* SPDX-License-Identifier: MIT */
/* Conditions of the control command wait: a refusal has a sentence, and what is accepted can be
 * looked for in an event of any kind. */
#include <errno.h>
#include <string.h>

#include "control/condition.h"

#include "fuzz.h"

static void look(const struct condition *c)
{
    static const char *const events[] = {
        "{\"event\":\"uevent\",\"data\":{\"DEVPATH\":\"/devices/ap/card05\",\"CONFIG\":\"0\"}}",
        "{\"event\":\"adapter\",\"data\":{\"adapter\":5,\"state\":\"standby\"}}",
        "{\"event\":\"state\",\"data\":{}}"};

    for (unsigned i = 0; i < sizeof(events) / sizeof(*events); i++) {
        json_t *event = json_loads(events[i], 0, NULL);

        fuzz_check(c->kind == CONDITION_EVENT || !condition_is_event(c, event));
        json_decref(event);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct control_error error = {0};
    struct condition c;
    int rc;

    memcpy(text, data, size);
    text[size] = '\0';
    rc = condition_parse(text, &c, &error);
    fuzz_check(rc == 0 || (rc == -EINVAL && error.class && error.desc.len && !c.text));
    if (rc == 0) {
        fuzz_check(c.text && (c.kind != CONDITION_EVENT || (c.words[0] && !c.negated)));
        look(&c);
    }
    condition_done(&c);
    control_error_done(&error);
    free(text);
    return 0;
}
