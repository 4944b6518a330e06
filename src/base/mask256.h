/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_MASK256_H
#define APUS_BASE_MASK256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A 256-bit mask as used by the AP facility: bit n is for id n. Bits are counted from the left: bit
 * 0 is the most significant bit of the first byte [ap-masks], and of w[0], which holds bits 0..63.
 */
struct mask256 {
    uint64_t w[4];
};

#define MASK256_BITS  256
#define MASK256_BYTES 32
/* "0x", 64 digits and the terminator. */
#define MASK256_TEXT 67

static inline bool mask256_test(const struct mask256 *m, unsigned bit)
{
    return m->w[bit >> 6] >> (63 - (bit & 63)) & 1;
}

static inline void mask256_set(struct mask256 *m, unsigned bit)
{
    m->w[bit >> 6] |= UINT64_C(1) << (63 - (bit & 63));
}

static inline void mask256_clear(struct mask256 *m, unsigned bit)
{
    m->w[bit >> 6] &= ~(UINT64_C(1) << (63 - (bit & 63)));
}

static inline void mask256_assign(struct mask256 *m, unsigned bit, bool on)
{
    if (on)
        mask256_set(m, bit);
    else
        mask256_clear(m, bit);
}

static inline bool mask256_empty(const struct mask256 *m)
{
    return !(m->w[0] | m->w[1] | m->w[2] | m->w[3]);
}

static inline bool mask256_equal(const struct mask256 *a, const struct mask256 *b)
{
    return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

static inline struct mask256 mask256_and(struct mask256 a, struct mask256 b)
{
    return (struct mask256){{a.w[0] & b.w[0], a.w[1] & b.w[1], a.w[2] & b.w[2], a.w[3] & b.w[3]}};
}

static inline struct mask256 mask256_or(struct mask256 a, struct mask256 b)
{
    return (struct mask256){{a.w[0] | b.w[0], a.w[1] | b.w[1], a.w[2] | b.w[2], a.w[3] | b.w[3]}};
}

/* The bits that are in a and not in b. */
static inline struct mask256 mask256_andnot(struct mask256 a, struct mask256 b)
{
    return (struct mask256){
        {a.w[0] & ~b.w[0], a.w[1] & ~b.w[1], a.w[2] & ~b.w[2], a.w[3] & ~b.w[3]}};
}

static inline bool mask256_intersects(const struct mask256 *a, const struct mask256 *b)
{
    return (a->w[0] & b->w[0]) | (a->w[1] & b->w[1]) | (a->w[2] & b->w[2]) | (a->w[3] & b->w[3]);
}

static inline bool mask256_subset(const struct mask256 *a, const struct mask256 *of)
{
    struct mask256 rest = mask256_andnot(*a, *of);

    return mask256_empty(&rest);
}

static inline unsigned mask256_count(const struct mask256 *m)
{
    return (unsigned)(__builtin_popcountll(m->w[0]) + __builtin_popcountll(m->w[1]) +
                      __builtin_popcountll(m->w[2]) + __builtin_popcountll(m->w[3]));
}

static inline struct mask256 mask256_ones(void)
{
    return (struct mask256){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
}

/* The first set bit at or after from (0..256), or MASK256_BITS. */
static inline unsigned mask256_next(const struct mask256 *m, unsigned from)
{
    unsigned word = from >> 6;
    uint64_t bits;

    if (from >= MASK256_BITS)
        return MASK256_BITS;
    bits = m->w[word] & UINT64_MAX >> (from & 63);
    while (!bits && ++word < 4)
        bits = m->w[word];
    return bits ? word * 64 + (unsigned)__builtin_clzll(bits) : MASK256_BITS;
}

#define mask256_for_each(bit, m)                                                                   \
    for (unsigned bit = mask256_next((m), 0); bit < MASK256_BITS; bit = mask256_next((m), bit + 1))

void mask256_to_bytes(const struct mask256 *m, uint8_t out[MASK256_BYTES]);
struct mask256 mask256_from_bytes(const uint8_t in[MASK256_BYTES]);

/* "0x" and 64 lower-case digits. */
void mask256_format(const struct mask256 *m, char out[MASK256_TEXT]);

struct text;

/* The same as a line, for the show function of an attribute. Returns 0. */
int mask256_show(const struct mask256 *m, struct text *out);

/* For the refusal of a mask string. */
#define MASK256_WANTED "not a mask: write 0x and up to 64 hex digits, or a list such as +1-3,-0x47"

/*
 * Parses a mask string as written to apmask, aqmask and the masks of zcrypt nodes [masks-grammar].
 * text need not be terminated; a NUL inside it is an error. A relative string (+n, -n, +n-m)
 * modifies *inout, an absolute one (hex digits) replaces it. 0, or -EINVAL with *inout unchanged.
 */
int mask256_parse(const char *text, size_t len, struct mask256 *inout);

/* Only the absolute form, as for the three masks of ap_config [matrix-ap-config]. 0 or -EINVAL. */
int mask256_parse_absolute(const char *text, size_t len, struct mask256 *out);

/*
 * Parses a kernel parameter such as ap.apmask= [masks-kernel-parameters]: a relative string starts
 * from zero. 0; -EINVAL: malformed, and *out is all zero.
 */
int mask256_parse_parameter(const char *text, struct mask256 *out);

#endif
