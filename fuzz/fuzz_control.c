/* SPDX-License-Identifier: MIT */
/* The control socket's input: bytes to lines, lines to checked requests. */
#include <string.h>

#include "control/line.h"
#include "control/message.h"

#include "fuzz.h"

/* Appends what a connection would answer to a line. */
static void answer(const char *line, size_t len, struct text *out)
{
    struct control_request request;
    struct control_error error = {0};

    if (control_request_parse(line, len, &request, &error) == 0) {
        fuzz_check(request.command && !error.class);
        control_format_return(json_object(), request.id, out);
    } else {
        fuzz_check(error.class && error.number > 0 && error.desc.len);
        control_format_error(&error, request.id, out);
    }
    control_request_done(&request);
    control_error_done(&error);
}

static void take_lines(struct line_buffer *b, struct text *out)
{
    enum line_result result;
    const char *line;
    size_t len;

    while ((result = line_buffer_next(b, &line, &len)) != LINE_NONE) {
        if (result == LINE_TOO_LONG) {
            text_adds(out, "too long\n");
            continue;
        }
        fuzz_check(len <= CONTROL_LINE_MAX && !memchr(line, '\n', len));
        answer(line, len, out);
    }
}

static void run(const char *data, size_t len, size_t piece, struct text *out)
{
    struct line_buffer b = {0};

    for (size_t at = 0; at < len; at += piece) {
        line_buffer_add(&b, data + at, len - at < piece ? len - at : piece);
        take_lines(&b, out);
        fuzz_check(b.bytes.len - b.start <= CONTROL_LINE_MAX);
    }
    line_buffer_done(&b);
}

/* Every answer is one line of JSON. */
static void check_answers(const struct text *out)
{
    for (char *line = out->data; line && *line; line = strchr(line, '\n') + 1) {
        json_t *answer_json;

        if (strncmp(line, "too long\n", 9) == 0)
            continue;
        answer_json = json_loadb(line, (size_t)(strchr(line, '\n') - line), 0, NULL);
        fuzz_check(json_is_object(answer_json));
        json_decref(answer_json);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    text_auto whole = {0}, pieces = {0};

    run((const char *)data, len, len ? len : 1, &whole);
    run((const char *)data, len, 7, &pieces);
    fuzz_check(whole.len == pieces.len);
    fuzz_check(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
    check_answers(&whole);
    return 0;
}
