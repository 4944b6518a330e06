/* SPDX-License-Identifier: MIT */
#include "ioctl/status.h"

#include <errno.h>
#include <string.h>

#include "base/apqn.h"
#include "base/text.h"
#include "ioctl/zcrypt_abi.h"

static void fill_bytes(const struct zcrypt *z, size_t cards,
                       uint8_t (*of)(const struct zcrypt *z, unsigned apid), uint8_t *out)
{
    for (unsigned apid = 0; apid < cards; apid++)
        out[apid] = of(z, apid);
}

static void fill_counts(const struct zcrypt *z, size_t cards, uint8_t *out)
{
    for (unsigned apid = 0; apid < cards; apid++) {
        uint32_t count = zcrypt_card_requests(z, apid);

        memcpy(out + apid * sizeof count, &count, sizeof count);
    }
}

size_t ioctl_status_len(uint32_t number)
{
    return number >> 16 & 0x3fff; /* the size in an ioctl's number (_IOC_SIZE) */
}

/* The four numbers that return a single integer. */
static int value_of(const struct zcrypt *z, uint32_t number, int open_count, uint32_t *out)
{
    switch (number) {
    case IOCTL_REQUESTQ_COUNT:
        *out = zcrypt_waiting_count(z);
        return 0;
    case IOCTL_PENDINGQ_COUNT:
        *out = zcrypt_sent_count(z);
        return 0;
    case IOCTL_TOTALOPEN_COUNT:
        if (open_count < 0)
            return open_count;
        *out = (uint32_t)open_count;
        return 0;
    case IOCTL_DOMAIN_INDEX:
        *out = (uint32_t)zcrypt_default_domain(z);
        return 0;
    default:
        return -ENOTTY;
    }
}

int ioctl_status(const struct zcrypt *z, uint32_t number, int open_count,
                 uint8_t out[IOCTL_STATUS_MAX])
{
    uint32_t value;
    int rc;

    switch (number) {
    case IOCTL_STATUS_MASK:
        fill_bytes(z, AP_IDS, zcrypt_card_status, out);
        return 0;
    case IOCTL_OLD_STATUS_MASK:
        fill_bytes(z, ZCRYPT_OLD_CARDS, zcrypt_card_status, out);
        return 0;
    case IOCTL_QDEPTH_MASK:
        fill_bytes(z, AP_IDS, zcrypt_card_in_flight, out);
        return 0;
    case IOCTL_OLD_QDEPTH_MASK:
        fill_bytes(z, ZCRYPT_OLD_CARDS, zcrypt_card_in_flight, out);
        return 0;
    case IOCTL_PERDEV_REQCNT:
        fill_counts(z, AP_IDS, out);
        return 0;
    case IOCTL_OLD_PERDEV_REQCNT:
        fill_counts(z, ZCRYPT_OLD_CARDS, out);
        return 0;
    default:
        rc = value_of(z, number, open_count, &value);
        if (rc == 0)
            memcpy(out, &value, sizeof value);
        return rc;
    }
}

bool ioctl_is_matrix(uint32_t number)
{
    return number == IOCTL_DEVICE_STATUS || number == IOCTL_ZDEVICESTATUS;
}

uint8_t *ioctl_matrix(const struct zcrypt *z, uint32_t number, size_t *len)
{
    bool old = number == IOCTL_ZDEVICESTATUS;
    bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    unsigned cards = old ? ZCRYPT_OLD_CARDS : AP_IDS;
    uint8_t *matrix;

    *len = (size_t)cards * AP_IDS * ZCRYPT_STATUS_BYTES;
    matrix = xcalloc(1, *len);
    for (uint32_t qn = 0; qn < cards * AP_IDS; qn++) {
        struct zcrypt_status status;

        zcrypt_device_status(z, (uint16_t)qn, &status);
        zcrypt_abi_status(&status, (uint16_t)qn, old, big_endian,
                          matrix + (size_t)qn * ZCRYPT_STATUS_BYTES);
    }
    return matrix;
}
