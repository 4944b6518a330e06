/* SPDX-License-Identifier: MIT */
/* Sending frames to the client. */
#include <stdlib.h>
#include <string.h>

#include "guest/session.h"

/* An invalid frame would be a bug of ours, hence the abort. */
void guest_session_send(struct guest_session *s, const struct guest_frame *frame)
{
    uint8_t *bytes = s->all->frame;
    size_t len;

    if (guest_frame_format(frame, bytes, GUEST_FRAME_MAX, &len, NULL) < 0)
        abort();
    text_add_private(&s->out.text, (const char *)bytes, len);
    explicit_bzero(bytes, len); /* a reply can have a key that was generated */
}

void guest_session_refuse(struct guest_session *s, int error, const char *text)
{
    struct guest_frame frame = {.type = GUEST_REFUSE, .refuse = {.error = (uint32_t)abs(error)}};
    char line[GUEST_TEXT_MAX];
    size_t len = 0;

    if (s->state == SESSION_OVER)
        return;
    if (!text || !*text)
        text = strerror(abs(error));
    for (; len < sizeof(line) && text[len]; len++)
        line[len] = (unsigned char)text[len] < 0x20 || text[len] == 0x7f ? ' ' : text[len];
    frame.refuse.text = line;
    frame.refuse.text_len = len;
    guest_session_send(s, &frame);
    s->state = SESSION_OVER;
    s->error = abs(error);
    text_add(&s->why, line, len);
}
