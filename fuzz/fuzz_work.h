/* SPDX-License-Identifier: MIT */
#ifndef APUS_FUZZ_WORK_H
#define APUS_FUZZ_WORK_H

#include "ioctl/zcrypt_abi.h"

#include "fuzz.h"

/* The first byte chooses the ioctl, then comes its structure. How many bytes that were; 0: it is
 * refused. */
static inline size_t fuzz_work(const uint8_t *data, size_t len, struct zcrypt_work *out)
{
    static const uint32_t numbers[] = {IOCTL_ICARSAMODEXPO, IOCTL_ICARSACRT, IOCTL_ZSECSENDCPRB,
                                       IOCTL_ZSENDEP11CPRB};
    uint32_t number = numbers[len ? data[0] % 4 : 0];
    bool narrow = len && data[0] & 4;
    size_t need = 1 + zcrypt_abi_struct_len(number, narrow);

    return len >= need && zcrypt_abi_parse(number, narrow, data + 1, out) == 0 ? need : 0;
}

#endif
