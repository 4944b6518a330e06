/* SPDX-License-Identifier: MIT */
#include "fuse_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int show_value(void *ctx, uint32_t object, struct text *out)
{
    struct fake_tree *t = ctx;

    text_add(out, t->value, t->value_len);
    return 0;
}

static int store_value(void *ctx, uint32_t object, const char *data, size_t len,
                       struct effects *effects)
{
    struct fake_tree *t = ctx;

    t->length = len;
    if (len == 1) { /* a single letter fills the whole value */
        memset(t->value, *data, FAKE_VALUE);
        t->value_len = FAKE_VALUE;
        return 0;
    }
    memcpy(t->value, data, len);
    t->value_len = len;
    return 0;
}

static int show_length(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%zu\n", ((struct fake_tree *)ctx)->length);
    return 0;
}

static int show_count(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u\n", ++((struct fake_tree *)ctx)->count);
    return 0;
}

static int store_secret(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *effects)
{
    return 0;
}

static int show_refuse(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "half an answer");
    return -ENODEV;
}

static int store_refuse(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *effects)
{
    return -EADDRINUSE;
}

static void object_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    snprintf(out, SYSFS_NAME_MAX, "obj%u", object);
}

static bool exists(const struct fake_tree *t, unsigned i)
{
    return t->generation[i] & 1;
}

static void next_generation(struct fake_tree *t, unsigned i)
{
    __atomic_fetch_add(&t->generation[i], 1, __ATOMIC_RELAXED); /* read by the test's thread */
}

static void remove_object(struct fake_tree *t, unsigned i, struct effects *effects)
{
    char name[SYSFS_NAME_MAX];

    next_generation(t, i);
    object_name(t, i, name);
    effects_gone(effects, SYSFS_ROOT_INO, name);
}

static int store_range(struct fake_tree *t, const char *data, size_t len, bool add,
                       struct effects *effects)
{
    char copy[32] = "";
    unsigned from, to;

    memcpy(copy, data, len < 31 ? len : 31);
    if (sscanf(copy, "%u %u", &from, &to) != 2 || from > to || to > FAKE_OBJECTS)
        return -EINVAL;
    for (unsigned i = from; i < to; i++) {
        if (exists(t, i) && !add)
            remove_object(t, i, effects);
        else if (!exists(t, i) && add)
            next_generation(t, i);
    }
    return 0;
}

static int store_add(void *ctx, uint32_t object, const char *data, size_t len,
                     struct effects *effects)
{
    return store_range(ctx, data, len, true, effects);
}

static int store_del(void *ctx, uint32_t object, const char *data, size_t len,
                     struct effects *effects)
{
    return store_range(ctx, data, len, false, effects);
}

static int store_wait(void *ctx, uint32_t object, const char *data, size_t len,
                      struct effects *effects)
{
    struct fake_tree *t = ctx;

    if (t->waiting == FAKE_WAITING || !effects->token)
        return -EBUSY;
    t->tokens[t->waiting++] = effects->token;
    return -EINPROGRESS;
}

static int store_finish(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *effects)
{
    struct fake_tree *t = ctx;
    char copy[8] = "";

    memcpy(copy, data, len < 7 ? len : 7);
    while (t->waiting)
        effects_reply(effects, t->tokens[--t->waiting], atoi(copy));
    return 0;
}

static int show_waiting(void *ctx, uint32_t object, struct text *out)
{
    struct fake_tree *t = ctx;

    text_addf(out, "%u %u\n", t->waiting, t->cancelled);
    return 0;
}

static void cancel(struct fake_tree *t, uint64_t token)
{
    for (unsigned i = 0; i < t->waiting; i++) {
        if (t->tokens[i] == token) {
            t->tokens[i] = t->tokens[--t->waiting];
            t->cancelled++;
        }
    }
}

static const struct sysfs_attr root_attrs[] = {
    {"value", 0644, NULL, show_value, store_value},
    {"length", 0444, NULL, show_length, NULL},
    {"count", 0444, NULL, show_count, NULL},
    {"secret", 0200, NULL, NULL, store_secret},
    {"refuse", 0644, NULL, show_refuse, store_refuse},
    {"add", 0200, NULL, NULL, store_add},
    {"del", 0200, NULL, NULL, store_del},
    {"wait", 0200, NULL, NULL, store_wait},
    {"finish", 0200, NULL, NULL, store_finish},
    {"waiting", 0444, NULL, show_waiting, NULL},
    {NULL},
};

static bool folder_target(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS, 0};
    return true;
}

static bool node_target(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_DEV_NODE, 0};
    return true;
}

static const struct sysfs_member root_members[] = {
    {"folder", false, folder_target},
    {"node", false, node_target},
    {NULL},
};

static int find_object(void *ctx, const char *name, struct sysfs_child *out)
{
    char canonical[SYSFS_NAME_MAX];
    unsigned i;

    if (sscanf(name, "obj%u", &i) != 1 || i >= FAKE_OBJECTS || !exists(ctx, i))
        return -ENOENT;
    object_name(ctx, i, canonical);
    if (strcmp(canonical, name) != 0)
        return -ENOENT;
    out->dir = (struct sysfs_dir){SYSFS_CARD, i};
    return 0;
}

static bool next_object(void *ctx, uint32_t *cursor, struct sysfs_child *out, char *name)
{
    while (*cursor < FAKE_OBJECTS && !exists(ctx, *cursor))
        ++*cursor;
    if (*cursor == FAKE_OBJECTS)
        return false;
    object_name(ctx, *cursor, name);
    out->dir = (struct sysfs_dir){SYSFS_CARD, (*cursor)++};
    return true;
}

static int root_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    out->is_link = false;
    return find_object(ctx, name, out);
}

static bool root_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    out->is_link = false;
    return next_object(ctx, cursor, out, name);
}

static int folder_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    out->is_link = true;
    return find_object(ctx, name, out);
}

static bool folder_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                        char name[SYSFS_NAME_MAX])
{
    out->is_link = true;
    return next_object(ctx, cursor, out, name);
}

static void folder_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "folder");
}

static struct sysfs_dir in_root(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_ROOT, 0};
}

static int show_id(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u\n", object);
    return 0;
}

static int show_bound(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%d\n", ((struct fake_tree *)ctx)->bound[object]);
    return 0;
}

static int store_bound(void *ctx, uint32_t object, const char *data, size_t len,
                       struct effects *effects)
{
    ((struct fake_tree *)ctx)->bound[object] = *data == '1';
    return 0;
}

static bool is_bound(void *ctx, uint32_t object)
{
    return ((struct fake_tree *)ctx)->bound[object];
}

static int store_remove(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *effects)
{
    remove_object(ctx, object, effects);
    return 0;
}

static uint16_t object_generation(void *ctx, uint32_t object)
{
    struct fake_tree *t = ctx;

    return object < FAKE_OBJECTS && exists(t, object) ? t->generation[object] : 0;
}

static const struct sysfs_attr object_attrs[] = {
    {"id", 0444, NULL, show_id, NULL},
    {"bound", 0644, NULL, show_bound, store_bound},
    {"flag", 0444, is_bound, show_id, NULL},
    {"remove", 0200, NULL, NULL, store_remove},
    {NULL},
};

static const struct sysfs_member object_members[] = {
    {"home", true, folder_target},
    {NULL},
};

static const struct sysfs_kind_ops root_ops = {
    .attrs = root_attrs, .members = root_members, .child_find = root_find, .child_next = root_next};
static const struct sysfs_kind_ops folder_ops = {
    .name = folder_name, .parent = in_root, .child_find = folder_find, .child_next = folder_next};
static void node_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "node");
}

static const struct sysfs_kind_ops node_ops = {
    .device = true, .name = node_name, .parent = in_root};
static const struct sysfs_kind_ops object_ops = {.attrs = object_attrs,
                                                 .members = object_members,
                                                 .generation = object_generation,
                                                 .name = object_name,
                                                 .parent = in_root};

const struct sysfs_tree *core_tree(const struct core *c, unsigned tree)
{
    return tree < FAKE_TREES ? &c->trees[tree].tree : NULL;
}

const struct zcrypt *core_zcrypt(const struct core *c, unsigned tree)
{
    return NULL;
}

int core_open(const struct core *c, unsigned tree, sysfs_ino ino, uint32_t *node)
{
    return -ENXIO;
}

static void execute(struct door *door, struct command *cmd, struct reply *reply)
{
    struct fake *f = (struct fake *)door;

    effects_clear(&f->effects);
    f->effects.token = cmd->token;
    if (cmd->kind == CMD_STORE) {
        f->effects.tree = (uint16_t)cmd->store.tree;
        reply->result = sysfs_store(core_tree(f->core, cmd->store.tree), cmd->store.ino,
                                    cmd->store.data, cmd->store.len, &f->effects);
    } else if (cmd->kind == CMD_OWNER) {
        f->effects.tree = (uint16_t)cmd->owner.tree;
        reply->result =
            sysfs_set_owner(&f->core->trees[cmd->owner.tree].tree, cmd->owner.ino, &cmd->owner.to);
        effects_add(&f->effects, EFFECT_OWNER)->node = cmd->owner.ino;
    } else {
        for (unsigned i = 0; i < FAKE_TREES; i++)
            cancel(&f->core->trees[i], cmd->token);
        reply->result = 0;
    }
    text_adds(&reply->why, "to be freed");
    fuse_hub_effects(f->hub, &f->effects);
}

static int on_call(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
    struct fake *f = userdata;
    eventfd_t count;

    eventfd_read(fd, &count);
    f->call(f->call_data);
    pthread_mutex_lock(&f->lock);
    f->call = NULL;
    pthread_cond_signal(&f->called);
    pthread_mutex_unlock(&f->lock);
    return 0;
}

void fake_call(struct fake *f, void (*fn)(void *data), void *data)
{
    pthread_mutex_lock(&f->lock);
    f->call_data = data;
    f->call = fn;
    eventfd_write(f->call_fd, 1);
    while (f->call)
        pthread_cond_wait(&f->called, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void *serve(void *data)
{
    struct fake *f = data;

    sd_event_loop(f->event);
    fuse_hub_free(f->hub);
    f->hub = NULL;
    return NULL;
}

static void check(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(-rc));
        abort();
    }
}

void fake_start(struct fake *f)
{
    *f = (struct fake){.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER};
    f->core = xcalloc(1, sizeof *f->core);
    for (unsigned i = 0; i < FAKE_TREES; i++) {
        struct fake_tree *t = &f->core->trees[i];

        sysfs_register(&t->tree, SYSFS_ROOT, &root_ops, t);
        sysfs_register(&t->tree, SYSFS_BUS, &folder_ops, t);
        sysfs_register(&t->tree, SYSFS_DEV_NODE, &node_ops, t);
        sysfs_register(&t->tree, SYSFS_CARD, &object_ops, t);
    }
    f->door = (struct door){f->core, execute};
    check(sd_event_new(&f->event), "sd_event_new");
    f->call_fd = eventfd(0, EFD_CLOEXEC);
    check(sd_event_add_io(f->event, &f->calls, f->call_fd, EPOLLIN, on_call, f), "sd_event_add_io");
    check(fuse_hub_new(&f->door, f->event, &f->hub), "fuse_hub_new");
    check(-pthread_create(&f->thread, NULL, serve, f), "pthread_create");
}

static void quit(void *data)
{
    sd_event_exit(data, 0);
}

void fake_stop(struct fake *f)
{
    fake_call(f, quit, f->event);
    pthread_join(f->thread, NULL);
    sd_event_source_unref(f->calls);
    close(f->call_fd);
    sd_event_unref(f->event);
    effects_done(&f->effects);
    for (unsigned i = 0; i < FAKE_TREES; i++)
        sysfs_tree_done(&f->core->trees[i].tree);
    free(f->core);
}

struct mount_call {
    struct fake *fake;
    unsigned tree;
    const char *mountpoint;
    int fd;
    unsigned *ended;
    struct text *why;
    struct fuse_mount **out;
    int rc;
};

static void count_ended(void *data)
{
    unsigned *ended = data;

    if (ended)
        __atomic_fetch_add(ended, 1, __ATOMIC_RELEASE);
}

static void call_mount(void *data)
{
    struct mount_call *c = data;

    c->rc = fuse_mount_new(c->fake->hub, c->tree, c->mountpoint, c->fd, count_ended, c->ended,
                           c->why, c->out);
}

int fake_mount(struct fake *f, unsigned tree, const char *mountpoint, int fd, unsigned *ended,
               struct text *why, struct fuse_mount **out)
{
    struct mount_call c = {f, tree, mountpoint, fd, ended, why, out, 0};

    fake_call(f, call_mount, &c);
    return c.rc;
}

static void call_free(void *data)
{
    fuse_mount_free(data);
}

void fake_unmount(struct fake *f, struct fuse_mount *m)
{
    fake_call(f, call_free, m);
}

struct fuse_mount *fake_must_mount(struct fake *f, unsigned tree, const char *where, int fd,
                                   unsigned *ended)
{
    struct fuse_mount *m = NULL;
    text_auto why = {0};

    assert_int_equal(fake_mount(f, tree, where, fd, ended, &why, &m), 0);
    assert_int_equal(why.len, 0);
    return m;
}

static void nothing(void *data)
{
}

void fake_settle(struct fake *f)
{
    fake_call(f, nothing, NULL);
}

unsigned fake_counted(const unsigned *count)
{
    return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

/* Bytes written, or -errno. */
int fake_put(const char *path, const char *data)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int n = fd < 0 ? -errno : (int)write(fd, data, strlen(data));

    if (fd >= 0 && n < 0)
        n = -errno;
    if (fd >= 0)
        close(fd);
    return n;
}

void fake_expect(const char *path, const char *content)
{
    char buffer[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    assert_return_code(read(fd, buffer, sizeof buffer - 1), errno);
    close(fd);
    assert_string_equal(buffer, content);
}

void fake_wait_until(const char *path, const char *content)
{
    for (unsigned i = 0; i < 1000; i++) {
        char buffer[64] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_return_code(read(fd, buffer, sizeof buffer - 1), errno);
        close(fd);
        if (strcmp(buffer, content) == 0)
            return;
        usleep(5000);
    }
    fail_msg("%s never became %s", path, content);
}

void fake_namespace(const char *dir)
{
    if (access("/dev/fuse", R_OK | W_OK) < 0) {
        fprintf(stderr, "skipped: /dev/fuse cannot be used here\n");
        exit(77);
    }
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "mode=755") < 0) {
        fprintf(stderr, "skipped: no private mount namespace here (%s)\n", strerror(errno));
        exit(77);
    }
}
