/* SPDX-License-Identifier: MIT */
/*
 * The file of a state directory of any bytes is refused with a reason, or makes a core that is kept
 * as the same file again. The input is the lines; the commit line is made for it, as a checksum
 * would keep all mutations out.
 */
#include <stdio.h>
#include <string.h>

#include "store/state.h"

#include "fuzz.h"

static void check_core(const struct state_image *image)
{
    struct effects fx = {0}, again_fx = {0};
    text_auto why = {0}, once = {0}, twice = {0};
    struct core *core, *again;
    struct state_image second;

    if (state_image_core(image, &core, &fx, &why) < 0) {
        fuzz_check(why.len);
        effects_done(&fx);
        return;
    }
    state_format(core, &once);
    state_commit_format(&once, 0, 0);
    fuzz_check(state_image_read(once.data, once.len, &second, &why) == 0);
    fuzz_check(state_image_core(&second, &again, &again_fx, &why) == 0);
    state_format(again, &twice);
    fuzz_check(twice.len <= once.len);
    state_image_done(&second);
    core_free(core);
    core_free(again);
    effects_done(&fx);
    effects_done(&again_fx);
}

static void check_file(const char *data, size_t len)
{
    struct state_image image;
    text_auto why = {0};

    if (state_image_read(data, len, &image, &why) < 0) {
        fuzz_check(why.len);
        return;
    }
    fuzz_check(image.sound <= len);
    check_core(&image);
    state_image_done(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    text_auto file = {0};

    check_file((const char *)data, len);
    text_add(&file, (const char *)data, len);
    text_adds(&file, "\n");
    state_commit_format(&file, 0, 0);
    check_file(file.data, file.len);
    return 0;
}
