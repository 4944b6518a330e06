/* SPDX-License-Identifier: MIT */
/* Any bytes give either what to start a guest with, which is written as the same bytes but for
 * their order, or a clause on one line. */
#include <string.h>

#include "store/kept_guest.h"

#include "fuzz.h"

static void check_clause(const struct text *why)
{
    fuzz_check(why->len);
    for (size_t i = 0; i < why->len; i++)
        fuzz_check(why->data[i] >= ' ' && why->data[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    text_auto why = {0}, first = {0}, second = {0};
    struct kept_guest g, again;

    if (kept_guest_parse((const char *)data, len, &g, &why) < 0) {
        check_clause(&why);
        fuzz_check(!g.words && !g.environment && !g.directory);
        return 0;
    }
    kept_guest_format(&g, &first);
    fuzz_check(first.len == len);
    fuzz_check(kept_guest_parse(first.data, first.len, &again, &why) == 0);
    fuzz_check(again.word_count == g.word_count && !again.mdev == !g.mdev &&
               again.no_snapshot == g.no_snapshot);
    kept_guest_format(&again, &second);
    fuzz_check(second.len == first.len && memcmp(second.data, first.data, first.len) == 0);
    kept_guest_done(&g);
    kept_guest_done(&again);
    return 0;
}
