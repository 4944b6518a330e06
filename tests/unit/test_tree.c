/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/effects.h"
#include "sysfs/tree.h"
#include "unit.h"

/*
 * A tree of the test's own: devices/ap with two cards, a kind of objects that come and go, each
 * with attributes, a link up to devices/ap, and links to them all in bus/ap.
 */

#define CARDS 3

static uint16_t generation[CARDS]; /* 0: does not exist */
static bool secret_visible;
static char stored[32];

static int value_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "card %u of %s\n", object, (const char *)ctx);
    return 0;
}

static int broken_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "half of it");
    return -EIO;
}

static int value_store(void *ctx, uint32_t object, const char *data, size_t len,
                       struct effects *effects)
{
    if (len >= sizeof stored)
        return -EINVAL;
    memcpy(stored, data, len);
    stored[len] = '\0';
    return 0;
}

static bool is_visible(void *ctx, uint32_t object)
{
    return secret_visible;
}

static bool up_target(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS_ROOT, 0};
    return object != 2;
}

static uint16_t card_generation(void *ctx, uint32_t object)
{
    return object < CARDS ? generation[object] : 0;
}

static void card_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    memcpy(out, "card0", 6);
    out[4] = (char)('0' + object);
}

static struct sysfs_dir card_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_BUS_ROOT, 0};
}

static int find(const char *name, bool is_link, struct sysfs_child *out)
{
    char own[SYSFS_NAME_MAX];

    for (uint32_t i = 0; i < CARDS; i++) {
        card_name(NULL, i, own);
        *out = (struct sysfs_child){{SYSFS_CARD, i}, is_link};
        if (generation[i] && strcmp(own, name) == 0)
            return 0;
    }
    return -ENOENT;
}

static bool next(uint32_t *cursor, bool is_link, struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    while (*cursor < CARDS && !generation[*cursor])
        ++*cursor;
    if (*cursor >= CARDS)
        return false;
    card_name(NULL, *cursor, name);
    *out = (struct sysfs_child){{SYSFS_CARD, (*cursor)++}, is_link};
    return true;
}

static int dir_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return find(name, false, out);
}

static bool dir_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                     char name[SYSFS_NAME_MAX])
{
    return next(cursor, false, out, name);
}

static int link_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return find(name, true, out);
}

static bool link_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    return next(cursor, true, out, name);
}

static void ap_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    memcpy(out, "ap", 3);
}

static struct sysfs_dir devices_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("devices");
}

static struct sysfs_dir bus_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("bus");
}

static const struct sysfs_attr attrs[] = {
    {"value", 0644, .show = value_show, .store = value_store},
    {"broken", 0444, .show = broken_show},
    {"secret", 0200, .visible = is_visible, .store = value_store},
    {0},
};

static const struct sysfs_member members[] = {{"up", true, up_target}, {0}};

static const struct sysfs_kind_ops card_ops = {.attrs = attrs,
                                               .members = members,
                                               .generation = card_generation,
                                               .name = card_name,
                                               .parent = card_parent};
static const struct sysfs_kind_ops root_ops = {
    .name = ap_name, .parent = devices_parent, .child_find = dir_find, .child_next = dir_next};
static const struct sysfs_kind_ops bus_ops = {
    .name = ap_name, .parent = bus_parent, .child_find = link_find, .child_next = link_next};

static int set_up(void **state)
{
    struct sysfs_tree *t = calloc(1, sizeof *t);

    generation[0] = generation[2] = 1;
    generation[1] = 0;
    secret_visible = false;
    stored[0] = '\0';
    sysfs_tree_init(t);
    sysfs_register(t, SYSFS_BUS_ROOT, &root_ops, NULL);
    sysfs_register(t, SYSFS_BUS, &bus_ops, NULL);
    sysfs_register(t, SYSFS_CARD, &card_ops, "test");
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    sysfs_tree_done(*state);
    free(*state);
    return 0;
}

static sysfs_ino at(const struct sysfs_tree *t, const char *path)
{
    sysfs_ino ino;

    assert_int_equal(sysfs_resolve(t, path, &ino), 0);
    return ino;
}

/* The name and type (d, f, l) of each entry from the cursor on. */
static const char *listing(const struct sysfs_tree *t, sysfs_ino dir, uint64_t cursor)
{
    static char out[256];
    struct sysfs_entry e;
    size_t len = 0;
    int rc;

    out[0] = '\0';
    while ((rc = sysfs_next(t, dir, &cursor, &e)) == 1)
        len += (size_t)snprintf(out + len, sizeof out - len, "%s:%c ", e.name, "dfl"[e.type]);
    assert_int_equal(rc, 0);
    return out;
}

static void an_empty_tree_has_its_fixed_directories(void **state)
{
    struct sysfs_tree t;

    sysfs_tree_init(&t);
    assert_string_equal(listing(&t, SYSFS_ROOT_INO, 0), "bus:d class:d devices:d kernel:d ");
    assert_string_equal(listing(&t, at(&t, "devices"), 0), "virtual:d ");
    assert_string_equal(listing(&t, at(&t, "bus"), 0), "");
}

static void a_directory_lists_what_there_is(void **state)
{
    const struct sysfs_tree *t = *state;

    assert_string_equal(listing(t, at(t, "devices"), 0), "virtual:d ap:d ");
    assert_string_equal(listing(t, at(t, "devices/ap"), 0), "card0:d card2:d ");
    assert_string_equal(listing(t, at(t, "bus/ap"), 0), "card0:l card2:l ");
    assert_string_equal(listing(t, at(t, "devices/ap/card0"), 0), "value:f broken:f up:l ");
    secret_visible = true;
    assert_string_equal(listing(t, at(t, "devices/ap/card0"), 0),
                        "value:f broken:f secret:f up:l ");
    /* The third card has no link at the moment. */
    assert_string_equal(listing(t, at(t, "devices/ap/card2"), 0), "value:f broken:f secret:f ");
}

/* seekdir(3) may ask for any position. */
static void any_cursor_is_good(void **state)
{
    const struct sysfs_tree *t = *state;
    static const uint64_t cursors[] = {1,     3,     0xff,       0x100,       0x101,     0x1ff,
                                       0x200, 0x203, 0xffffffff, 0x1000001ff, UINT64_MAX};

    for (unsigned i = 0; i < ARRAY_LEN(cursors); i++) {
        listing(t, at(t, "devices/ap/card0"), cursors[i]);
        listing(t, at(t, "devices/ap"), cursors[i]);
    }
    assert_string_equal(listing(t, at(t, "devices/ap/card0"), 1), "broken:f up:l ");
    assert_string_equal(listing(t, at(t, "devices/ap/card0"), UINT64_MAX), "");
}

static void lookup_and_stat_agree(void **state)
{
    const struct sysfs_tree *t = *state;
    struct sysfs_entry e, same;
    sysfs_ino card = at(t, "devices/ap/card0");

    assert_int_equal(sysfs_lookup(t, card, "value", &e), 0);
    assert_int_equal(e.type, SYSFS_TYPE_FILE);
    assert_int_equal(e.mode, 0644);
    assert_true(e.stable);
    assert_int_equal(sysfs_stat(t, e.ino, &same), 0);
    assert_int_equal(same.mode, 0644);
    assert_int_equal(sysfs_lookup(t, card, "up", &e), 0);
    assert_int_equal(e.type, SYSFS_TYPE_LINK);
    assert_false(e.stable);
    assert_int_equal(sysfs_lookup(t, card, "secret", &e), -ENOENT);
    assert_int_equal(sysfs_lookup(t, card, "values", &e), -ENOENT);
    assert_int_equal(sysfs_lookup(t, at(t, "devices/ap"), "card1", &e), -ENOENT);
    assert_int_equal(sysfs_lookup(t, at(t, "devices/ap/card0/value"), "x", &e), -ENOTDIR);
    secret_visible = true;
    assert_int_equal(sysfs_lookup(t, card, "secret", &e), 0);
    assert_false(e.stable);
    secret_visible = false;
    assert_int_equal(sysfs_stat(t, e.ino, &same), -ENODEV);
    assert_int_equal(sysfs_stat(t, UINT64_MAX, &same), -ENOENT);
    /* Behind the last attribute, and behind the last member. */
    assert_int_equal(sysfs_stat(t, card | UINT64_C(50) << 48, &same), -ENOENT);
    assert_int_equal(sysfs_stat(t, card | UINT64_C(200) << 48, &same), -ENOENT);
}

/* An inode number of a removed object is never that of a later one. */
static void numbers_of_the_dead_are_recognized(void **state)
{
    const struct sysfs_tree *t = *state;
    sysfs_ino card = at(t, "devices/ap/card0"), value = at(t, "devices/ap/card0/value");
    struct sysfs_entry e;
    text_auto out = {0};
    uint64_t cursor = 0;

    generation[0] = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(sysfs_stat(t, card, &e), -ENODEV);
        assert_int_equal(sysfs_lookup(t, card, "value", &e), -ENOENT);
        assert_int_equal(sysfs_next(t, card, &cursor, &e), -ENOENT);
        assert_int_equal(sysfs_show(t, value, &out), -ENODEV);
        assert_int_equal(sysfs_store(t, value, "x", 1, NULL), -ENODEV);
        generation[0] = 2; /* exists again, as another object */
    }
    assert_int_not_equal(at(t, "devices/ap/card0"), card);
    assert_int_equal(sysfs_show(t, at(t, "devices/ap/card0/value"), &out), 0);
    assert_string_equal(out.data, "card 0 of test\n");
}

static void what_an_attribute_does_not_do(void **state)
{
    const struct sysfs_tree *t = *state;
    sysfs_ino secret;
    text_auto out = {0};

    text_adds(&out, "before ");
    assert_int_equal(sysfs_show(t, at(t, "devices/ap/card0/broken"), &out), -EIO);
    assert_string_equal(out.data, "before ");
    assert_int_equal(sysfs_show(t, at(t, "devices/ap/card0"), &out), -EISDIR);
    assert_int_equal(sysfs_store(t, at(t, "devices/ap/card0"), "x", 1, NULL), -EISDIR);
    assert_int_equal(sysfs_store(t, at(t, "devices/ap/card0/broken"), "x", 1, NULL), -EIO);
    secret_visible = true;
    secret = at(t, "devices/ap/card0/secret");
    assert_int_equal(sysfs_show(t, secret, &out), -EIO);
    assert_int_equal(sysfs_store(t, secret, "abc", 3, NULL), 0);
    assert_string_equal(stored, "abc");
    /* An empty write does not get this far. */
    assert_int_equal(sysfs_store(t, secret, "", 0, NULL), 0);
    assert_string_equal(stored, "abc");
    secret_visible = false;
    assert_int_equal(sysfs_store(t, secret, "def", 3, NULL), -ENODEV);
    assert_string_equal(stored, "abc");
}

static void links_are_relative(void **state)
{
    const struct sysfs_tree *t = *state;
    struct sysfs_entry e;
    text_auto out = {0};

    assert_int_equal(sysfs_lookup(t, at(t, "bus/ap"), "card2", &e), 0);
    assert_int_equal(sysfs_readlink(t, e.ino, &out), 0);
    assert_string_equal(out.data, "../../devices/ap/card2");
    text_clear(&out);
    sysfs_path(t, e.ino, &out);
    assert_string_equal(out.data, "bus/ap/card2");
    assert_int_equal(sysfs_parent(t, e.ino), at(t, "bus/ap"));
    generation[2] = 0;
    assert_int_equal(sysfs_readlink(t, e.ino, &out), -ENODEV);
    assert_int_equal(sysfs_lookup(t, at(t, "devices/ap/card0"), "up", &e), 0);
    text_clear(&out);
    assert_int_equal(sysfs_readlink(t, e.ino, &out), 0);
    assert_string_equal(out.data, "../../ap");
    assert_int_equal(sysfs_readlink(t, at(t, "devices/ap/card0/value"), &out), -EINVAL);
}

static void paths_go_through_links(void **state)
{
    const struct sysfs_tree *t = *state;
    sysfs_ino ino;
    text_auto path = {0};

    assert_int_equal(at(t, "bus/ap/card0/value"), at(t, "devices/ap/card0/value"));
    assert_int_equal(at(t, "bus/ap/card0/up/card2"), at(t, "devices/ap/card2"));
    assert_int_equal(sysfs_resolve(t, "bus/ap/card1", &ino), -ENOENT);
    assert_int_equal(sysfs_resolve(t, "devices/ap/card0/value/x", &ino), -ENOTDIR);
    sysfs_path(t, at(t, "devices/ap/card2/value"), &path);
    assert_string_equal(path.data, "devices/ap/card2/value");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void check_owner(const struct sysfs_tree *t, const char *path, unsigned mode, unsigned uid)
{
    struct sysfs_entry e;
    sysfs_ino ino;

    assert_int_equal(sysfs_resolve_nofollow(t, path, &ino), 0);
    assert_int_equal(sysfs_stat(t, ino, &e), 0);
    assert_int_equal(e.mode, mode);
    assert_int_equal(e.uid, uid);
    assert_int_equal(e.gid, uid ? uid + 1 : 0);
}

static void owned_by(struct sysfs_tree *t, const char *path, unsigned mode, unsigned uid)
{
    struct sysfs_owner owner = {(uint16_t)mode, uid, uid + 1};
    sysfs_ino ino;

    assert_int_equal(sysfs_resolve_nofollow(t, path, &ino), 0);
    assert_int_equal(sysfs_set_owner(t, ino, &owner), 0);
}

static void mode_and_owner_last_as_long_as_the_node(void **state)
{
    struct sysfs_tree *t = *state;
    struct sysfs_entry e;
    sysfs_ino old = at(t, "devices/ap/card0/value");

    owned_by(t, "devices/ap/card0/value", 0600, 7);
    owned_by(t, "devices/ap/card0", 0750, 8);
    owned_by(t, "devices/ap/card0/up", 0777, 9);
    owned_by(t, "bus/ap/card0", 0777, 10);
    check_owner(t, "devices/ap/card0/value", 0600, 7);
    check_owner(t, "devices/ap/card0", 0750, 8);
    check_owner(t, "devices/ap/card0/up", 0777, 9);
    check_owner(t, "bus/ap/card0", 0777, 10);
    check_owner(t, "devices/ap/card2/value", 0644, 0);
    assert_int_equal(sysfs_lookup(t, at(t, "devices/ap/card0"), "value", &e), 0);
    assert_int_equal(e.mode, 0600);
    generation[0] = 2; /* it has gone, and another one has come */
    check_owner(t, "devices/ap/card0/value", 0644, 0);
    check_owner(t, "devices/ap/card0", 0755, 0);
    check_owner(t, "devices/ap/card0/up", 0777, 0);
    check_owner(t, "bus/ap/card0", 0777, 0);
    assert_int_equal(sysfs_set_owner(t, old, &(struct sysfs_owner){0}), -ENODEV);
    assert_int_equal(sysfs_set_owner(t, SYSFS_ROOT_INO, &(struct sysfs_owner){.mode = 0100000}),
                     -EINVAL);
}

/* Nodes that have gone do not count for ever. */
static void what_vanished_takes_no_memory(void **state)
{
    struct sysfs_tree *t = *state;

    for (unsigned i = 1; i < 10000; i++) {
        generation[0] = (uint16_t)i;
        sysfs_owners_sweep(t);
        owned_by(t, "devices/ap/card0/value", 0600, i);
        owned_by(t, "bus/ap/card0", 0777, i);
    }
    check_owner(t, "devices/ap/card0/value", 0600, 9999);
    assert_int_equal(t->owned_by_number.count, 2);
}

/* They can be written down by their numbers, and set again. */
static void owners_have_numbers(void **state)
{
    struct sysfs_tree *t = *state;
    const struct sysfs_owner mine = {.mode = 0640, .uid = 7, .gid = 8};
    uint32_t cursor = 0, number;
    struct sysfs_owner got;
    sysfs_ino ino;

    assert_false(sysfs_owner_touched(t, &number));
    owned_by(t, "devices/ap/card0/value", 0600, 7);
    owned_by(t, "devices/ap/card2/value", 0600, 9);
    assert_true(sysfs_owner_touched(t, &number) && number == 1);
    assert_true(sysfs_owner_touched(t, &number) && number == 0);
    assert_false(sysfs_owner_touched(t, &number));
    assert_true(sysfs_owner_at(t, 1, &ino, &got));
    assert_int_equal(ino, at(t, "devices/ap/card2/value"));
    assert_int_equal(got.uid, 9);
    generation[0] = 2;
    sysfs_owners_sweep(t);
    assert_true(sysfs_owner_touched(t, &number) && number == 0);
    assert_false(sysfs_owner_at(t, 0, &ino, &got));
    assert_true(sysfs_owner_next(t, &cursor, &number) && number == 1);
    assert_false(sysfs_owner_next(t, &cursor, &number));
    assert_false(sysfs_owner_restore(t, 1, at(t, "devices/ap/card0/value"), &mine));
    assert_false(sysfs_owner_restore(t, 5, at(t, "devices/ap/card2/value"), &mine));
    assert_true(sysfs_owner_restore(t, 5, at(t, "devices/ap/card0/value"), &mine));
    check_owner(t, "devices/ap/card0/value", 0640, 7);
    assert_false(sysfs_owner_touched(t, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_has_its_fixed_directories),
        TEST(a_directory_lists_what_there_is),
        TEST(any_cursor_is_good),
        TEST(lookup_and_stat_agree),
        TEST(numbers_of_the_dead_are_recognized),
        TEST(what_an_attribute_does_not_do),
        TEST(links_are_relative),
        TEST(paths_go_through_links),
        TEST(mode_and_owner_last_as_long_as_the_node),
        TEST(owners_have_numbers),
        TEST(what_vanished_takes_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
