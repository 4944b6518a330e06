/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "zcrypt/internal.h"

/* The card and queue drivers that zcrypt registers with the AP bus. */

static void card_probe(void *ctx, ap_device_id apid, struct effects *fx)
{
    zcrypt_card_bound(ctx, apid);
}

static void card_remove(void *ctx, ap_device_id apid, struct effects *fx)
{
    zcrypt_card_unbound(ctx, apid);
}

static void queue_probe(void *ctx, ap_device_id id, struct effects *fx)
{
    struct zcrypt *z = ctx;

    zcrypt_queue_bound(z, (ap_qn)id);
    ap_queue_init_state(z->bus, (ap_qn)id);
}

/* The bus flushes the queue afterwards; its requests go to other queues. */
static void queue_remove(void *ctx, ap_device_id id, struct effects *fx)
{
    zcrypt_queue_unbound(ctx, (ap_qn)id);
}

static const struct ap_driver_ops card_ops = {.probe = card_probe, .remove = card_remove};
static const struct ap_driver_ops queue_ops = {
    .probe = queue_probe, .remove = queue_remove, .received = zcrypt_received, .lost = zcrypt_lost};

#define TYPES_CEX2A ((1u << 6) | (1u << 8))
#define TYPES_CEX2C ((1u << 7) | (1u << 9))
#define TYPES_CEX4  (0x1fu << 10)

static const struct ap_driver drivers[] = {
    {"cex2acard", true, true, TYPES_CEX2A, zcrypt_card_attrs, &card_ops, true, "zcrypt_cex2a"},
    {"cex2aqueue", false, true, TYPES_CEX2A, zcrypt_queue_attrs, &queue_ops, true, "zcrypt_cex2a"},
    {"cex2card", true, true, TYPES_CEX2C, zcrypt_card_attrs, &card_ops, true, "zcrypt_cex2c"},
    {"cex2cqueue", false, true, TYPES_CEX2C, zcrypt_queue_attrs, &queue_ops, true, "zcrypt_cex2c"},
    {"cex4card", true, true, TYPES_CEX4, zcrypt_card_attrs, &card_ops, true, "zcrypt_cex4"},
    {"cex4queue", false, true, TYPES_CEX4, zcrypt_queue_attrs, &queue_ops, true, "zcrypt_cex4"},
};

/* The parameters of module zcrypt, as they are unless somebody sets them [files-modules]. */

static int hwrng_seed_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "1\n");
    return 0;
}

static int mempool_threshold_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "5\n");
    return 0;
}

static const struct sysfs_attr parameters[] = {
    {"mempool_threshold", 0400, .show = mempool_threshold_show}, {0}};
static const struct sysfs_attr old_parameters[] = {{"hwrng_seed", 0440, .show = hwrng_seed_show},
                                                   {0}};

static void register_modules(const struct abi *abi, struct sysfs_tree *tree)
{
    sysfs_module_add(tree, &(struct sysfs_module){
                               .name = "zcrypt",
                               .size = 106496,
                               .parameters = abi->message_pools ? parameters : old_parameters});
    if (abi->old_types) {
        sysfs_module_add(
            tree, &(struct sysfs_module){.name = "zcrypt_cex2a", .uses = "zcrypt", .size = 16384});
        sysfs_module_add(
            tree, &(struct sysfs_module){.name = "zcrypt_cex2c", .uses = "zcrypt", .size = 16384});
    }
    sysfs_module_add(
        tree, &(struct sysfs_module){.name = "zcrypt_cex4", .uses = "zcrypt", .size = 20480});
}

struct zcrypt_tokens *zcrypt_tokens_new(void)
{
    return xcalloc(1, sizeof(struct zcrypt_tokens));
}

void zcrypt_tokens_free(struct zcrypt_tokens *tokens)
{
    free(tokens);
}

struct zcrypt *zcrypt_new(const struct abi *abi, struct sysfs_tree *tree, struct ap_bus *bus,
                          struct zcrypt_tokens *tokens)
{
    struct zcrypt *z = xcalloc(1, sizeof *z);

    z->tree = tree;
    z->bus = bus;
    z->tokens = tokens;
    z->parent_generation = 1;
    TAILQ_INIT(&z->calls);
    TAILQ_INIT(&z->bound);
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        TAILQ_INIT(&z->cards[apid].members);
    register_modules(abi, tree);
    zcrypt_nodes_register(z);
    for (unsigned i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (abi->old_types || drivers[i].types == TYPES_CEX4)
            ap_driver_register(bus, &drivers[i], z);
    return z;
}

void zcrypt_free(struct zcrypt *z)
{
    if (!z)
        return;
    zcrypt_calls_free(z);
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        free(z->cards[apid].queues);
    free(z);
}
