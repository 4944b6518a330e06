/* SPDX-License-Identifier: MIT */
#include "zcrypt/internal.h"

/* The cost of a request on a card [zcrypt-weights]. */

/* Speed ratings: ME and CRT up to 1k, 2k, 4k bits, random numbers, secure key; rows CEX4 to
 * CEX8. */
enum { RATE_ME, RATE_CRT = 3, RATE_RNG = 6, RATE_SECKEY = 7, RATES = 8 };

static const unsigned accel_rates[][RATES] = {{14, 19, 249, 42, 228, 1458, 0, 0},
                                              {8, 9, 20, 18, 66, 458, 0, 0},
                                              {6, 9, 20, 17, 65, 438, 0, 0},
                                              {6, 8, 17, 15, 54, 362, 0, 0},
                                              {6, 8, 17, 15, 54, 362, 0, 0}};
static const unsigned cca_rates[][RATES] = {{59, 69, 308, 83, 278, 2204, 209, 40},
                                            {24, 31, 50, 37, 90, 479, 27, 10},
                                            {16, 20, 32, 27, 77, 455, 24, 9},
                                            {14, 16, 26, 23, 64, 376, 23, 8},
                                            {14, 16, 26, 23, 64, 376, 23, 8}};
static const unsigned ep11_seckey[] = {50, 10, 9, 8, 8};

/* Relative cost of the functions of CPRBs; it multiplies the speed rating for secure keys. */
enum { LOW = 10, MEDIUM = ZCRYPT_EFFORT_MEDIUM, HIGH = 500 };

static const char cca_low[] = "ABAIAMCACDCTCXDKEXFCFQLGLKLQOHPOPSPXSCSDSESP";
static const char cca_high[] =
    "AKCECICMHGHIHMHPHQITIXKCKDKEKGKHKIKNKPKRKTKXMPMSMVMXPDPEPFPGPIPKPMRTSGSISKSMSVSXTCTKVG";
static const uint8_t ep11_low[] = {1, 2, 36, 37, 38, 39, 40};
static const uint8_t ep11_high[] = {17, 18, 19, 20, 21, 22, 26, 30, 31, 32, 33, 34, 35};

/* list: pairs of letters. */
static bool has_service(const char *list, const uint8_t service[2])
{
    for (; *list; list += 2)
        if ((uint8_t)list[0] == service[0] && (uint8_t)list[1] == service[1])
            return true;
    return false;
}

unsigned zcrypt_cca_effort(const uint8_t service[2])
{
    if (has_service(cca_low, service))
        return LOW;
    return has_service(cca_high, service) ? HIGH : MEDIUM;
}

static bool has_function(const uint8_t *list, size_t count, unsigned function)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == function)
            return true;
    return false;
}

unsigned zcrypt_ep11_effort(unsigned function)
{
    if (has_function(ep11_low, sizeof ep11_low, function))
        return LOW;
    return has_function(ep11_high, sizeof ep11_high, function) ? HIGH : MEDIUM;
}

unsigned zcrypt_weight(const struct ap_card *card, const struct zcrypt_request *r,
                       const struct zcrypt_block *block)
{
    unsigned row = card->type < 10 ? 0 : card->type - 10u;
    size_t n = r->rsa.input.len;
    unsigned size = n <= 128 ? 0 : n <= 256 ? 1 : 2;

    if (r->kind == ZCRYPT_EP11)
        return ep11_seckey[row] * block->effort;
    if (r->kind == ZCRYPT_CCA)
        return cca_rates[row][RATE_SECKEY] * block->effort;
    size += r->rsa.crt ? RATE_CRT : RATE_ME;
    return card->mode == AP_MODE_ACCEL ? accel_rates[row][size] : cca_rates[row][size];
}
