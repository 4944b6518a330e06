/* SPDX-License-Identifier: MIT */
#ifndef APUS_NOMOUNT_INTERNAL_H
#define APUS_NOMOUNT_INTERNAL_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "ioctl/copier.h"
#include "ioctl/transfer.h"
#include "nomount/nomount.h"
#include "nomount/shadow.h"
#include "nomount/syscalls.h"
#include "nomount/walk.h"

/* st_dev of the host's tree; those of guests follow. */
#define NOMOUNT_DEVICE 0xa905u

enum nomount_stage {
    NOMOUNT_READING,   /* the caller's memory */
    NOMOUNT_LOOKING,   /* where the computer's links lead */
    NOMOUNT_FILLING,   /* the directory that it opens */
    NOMOUNT_ELSEWHERE, /* a file of the computer's */
    NOMOUNT_STORING,   /* until EFFECT_REPLY */
    NOMOUNT_SETTLING,  /* the state to its medium, and the data away from where they came */
    NOMOUNT_WRITING,   /* to the caller's memory */
};

enum nomount_answer {
    ANSWER_RESULT,
    ANSWER_GO_ON,     /* the kernel serves it */
    ANSWER_FD,        /* fd, as the lowest free number */
    ANSWER_BYTES,     /* data, at the caller's address, and then the result */
    ANSWER_FILL,      /* fd, once it has what is listed */
    ANSWER_ELSEWHERE, /* what the computer says of path (elsewhere.c) */
    ANSWER_LATER,     /* when EFFECT_REPLY comes */
    ANSWER_STORED,    /* the result, when the state is on its medium */
};

/* What the caller is. */
struct nomount_user {
    uid_t uid;
    gid_t gid;
};

/*
 * A call that is served:
 *
 *   READING -> LOOKING -> executed, on the event loop -> FILLING | STORING, SETTLING | WRITING ->
 * answered
 */
struct nomount_call {
    struct transfer transfer; /* first */
    LIST_ENTRY(nomount_call) link;
    struct nomount *n;         /* not for threads, which may outlive it: */
    struct nomount_view *view; /* likewise; the caller's, then that of the file it is about */
    caller_guard waits;
    struct nomount_sync sync;
    struct nomount_caller caller;
    struct nomount_request request;
    struct nomount_user user;
    enum nomount_stage stage;
    uint64_t token;                /* NOMOUNT_STORING */
    sysfs_ino ino;                 /* of the descriptor that it is about */
    bool node;                     /* which is an open device node */
    bool bare;                     /* it was opened with O_PATH */
    char *path2;                   /* of two, or NULL */
    char *from[2];                 /* NOMOUNT_LOOKING: both, as absolute paths, or NULL */
    unsigned looks;                /* likewise: how often */
    bool forced;                   /* path is what the kernel cannot find by itself */
    int fault;                     /* of path2: why it could not be read */
    size_t len;                    /* of data */
    int64_t result;                /* when all is done */
    int input;                     /* sendfile(2), splice(2): the caller's file; else -1 */
    int64_t offset;                /* in it, or in ours, where the caller says one */
    bool unsynced;                 /* NOMOUNT_SETTLING */
    struct shadow_listing listing; /* ANSWER_FILL */
    int fd;                        /* ANSWER_FD, ANSWER_FILL; else -1 */
    enum nomount_answer answer;
    char path[PATH_MAX];         /* as in the caller's memory */
    char data[NOMOUNT_DATA_MAX]; /* of a write; later what is written to the caller */
};

/* What was looked up by the caller's thread id is so only if it still waits afterwards. To be asked
 * before anything is changed. 0 or -ESRCH. */
static inline int call_waits(const struct nomount_call *c)
{
    return c->waits(c->caller.line, c->caller.id) ? 0 : -ESRCH;
}

/* For access to the caller's memory, on any thread. */
static inline struct caller call_caller(const struct nomount_call *c, int line)
{
    return (struct caller){
        c->caller.thread, c->waits, line, c->caller.id, !caller_trusted(c->user.uid),
        c->caller.line};
}

LIST_HEAD(nomount_calls, nomount_call);

/* An open device node. */
struct nomount_file {
    LIST_ENTRY(nomount_file) link;
    struct nomount *n;
    struct nomount_view *view;
    uint64_t device, socket; /* of the program's end; the inode is unique among sockets */
    sysfs_ino ino;
    uid_t uid; /* of who has opened it */
    uint32_t node;
    int ours; /* the other end */
    sd_event_source *closed;
};

/* A tree that programs see. No other one ever has its id. */
struct nomount_view {
    LIST_ENTRY(nomount_view) link;
    struct nomount *n;
    unsigned id, tree;    /* tree: as in the core */
    bool gone;            /* its guest has stopped */
    struct shadow shadow; /* below that of all */
    struct issued *issued;
    unsigned issued_max; /* as many are kept before those that have gone are looked for */
};

struct nomount {
    struct door *door;
    sd_event *event;
    struct copier *copier;
    struct nomount_way way;
    struct nomount_sync sync;
    struct shadow shadow; /* has those of the views */
    LIST_HEAD(, nomount_view) views;
    struct nomount_view *host, gone; /* gone stands for all that are */
    unsigned next_view;
    unsigned *badges; /* for each that was given out the id of its view */
    size_t badge_count;
    struct walk_world world;
    struct nomount_calls calls;
    LIST_HEAD(, nomount_file) files;
    unsigned file_count;
    sd_event_source *sweep; /* looks for dead callers while calls wait */
    uint64_t next_token, serial;
    struct caller_seen seen[CALLER_SEEN_SIZE];
    struct timespec born;
    char space[64];   /* the name of our mount namespace */
    int library;      /* a memfd */
    dev_t memory;     /* the kernel's file system for memfds */
    bool told_static; /* that some program cannot change into the tree */
    bool told_narrow; /* that a 32-bit program cannot see it */
    bool told_closed; /* nor one that nobody may look at */
    bool watched;     /* there may be watches of inotify(7) in the shadow */
};

/* NULL: it is gone. */
static inline const struct sysfs_tree *view_tree(const struct nomount_view *v)
{
    return v->gone ? NULL : core_tree(v->n->door->core, v->tree);
}

/* view.c */
/* 0 or -errno. */
int view_new(struct nomount *n, unsigned tree, struct nomount_view **out);
void view_free(struct nomount_view *v);
/* That of this id; NULL: there has never been one. */
struct nomount_view *view_find(struct nomount *n, uint64_t id);
struct nomount_view *view_of_tree(const struct nomount *n, unsigned tree);
/* What a thread sees. 0 or -errno; -ESRCH: there is no such thread any more. */
int view_of_caller(struct nomount *n, pid_t thread, struct nomount_view **out);
/* Forgets those whose guest has stopped. */
void views_sweep(struct nomount *n);

/* The tree of the file that the call is about. */
static inline const struct sysfs_tree *call_tree(const struct nomount_call *c)
{
    return view_tree(c->view);
}

/* answer.c: what is to be said, if it is said once. */
/* For the log; each kind is told once. */
void call_tell(struct nomount_call *c, bool *told, const char *what);
void answer_result(struct nomount_call *c, int64_t result);
void answer_go_on(struct nomount_call *c);
/* len: at most that of data. */
void answer_bytes(struct nomount_call *c, const void *bytes, size_t len, int64_t result);
/* Of readlink(2). */
void answer_link(struct nomount_call *c, const char *text);
/* Takes fd over. Negative: the result. */
void answer_fd(struct nomount_call *c, int fd);
void answer_fill(struct nomount_call *c, int directory);
/* path: of the computer. */
void answer_elsewhere(struct nomount_call *c, const char *path);
void answer_later(struct nomount_call *c, uint64_t token);
void answer_stored(struct nomount_call *c, int result);

/* call.c */
/* EFFECT_REPLY. */
void calls_reply(struct nomount *n, uint64_t token, int result);
/* Ends those that are gone, without an answer. */
void calls_abandon(struct nomount *n, bool (*gone)(const struct nomount_call *c, int line),
                   int line);

/* behind.c: what a descriptor of a thread is. */
enum behind_kind {
    BEHIND_REAL,      /* none of ours; path: what the kernel calls it */
    BEHIND_DIRECTORY, /* of the shadow; path: as programs know it */
    BEHIND_FILE,      /* a memfd, or an open node; ino */
    BEHIND_NAME,      /* a memfd that stands for the computer's link path */
    BEHIND_GONE,      /* a directory of the shadow that has been removed */
};

struct behind {
    enum behind_kind kind;
    struct nomount_view *view; /* NULL: of none */
    sysfs_ino ino;
    bool node, bare;
    char path[PATH_MAX]; /* "": unknown */
};

/* fd: or AT_FDCWD. */
void behind_look(struct nomount *n, pid_t thread, int fd, struct behind *out);
/* The same for the link with this path in /proc. */
void behind_link(struct nomount *n, const char *link, struct behind *out);
/* Its path, as programs know it. */
void behind_name(const struct behind *b, struct text *out);

/* locate.c: what a path, or a descriptor, stands for. */
struct located {
    struct nomount_view *view;
    bool concerns; /* false: the kernel goes on */
    bool forced;   /* nor can the kernel find it by itself, if it is the computer's */
    bool is_ino;   /* a file by its number: */
    sysfs_ino ino;
    bool node, bare;
    bool entry; /* what the directory has under the name is meant, be it a link */
    int error;  /* negative: the answer, whatever the call is */
    struct walk_result at;
};

/* In place: a shorter path to the same. */
void locate_tidy(char *path);
/* The absolute path of a file of the computer's, as the text says it: one that links of the
 * computer's may lead to the machine. False: it is none. */
bool locate_from(const struct nomount_call *c, int at, const char *path, char out[2 * PATH_MAX]);
/* path: as the caller says it, relative to at. entry: see above. */
void locate(const struct nomount_call *c, int at, const char *path, bool entry,
            struct located *out);
/* Whether it is the kernel's, which can find it, too. */
bool located_is_kernels(const struct nomount_call *c, const struct located *l);
bool located_is_directory(const struct nomount_call *c, const struct located *l);
/* "/proc/self/fd/3/name": the descriptor, and in rest "/name". False: it is no such path. */
bool locate_proc_base(const struct nomount_call *c, const char *path, struct behind *out,
                      const char **rest);

/* permission.c */
#define MAY_READ    4
#define MAY_WRITE   2
#define MAY_EXECUTE 1

int user_look(pid_t thread, struct nomount_user *out);
/* Whether the thread can do all that this thread can: it is in the same user namespace, with its
 * capabilities or more. */
bool user_is_as_able(pid_t thread);
/* As access(2): 0 or -EACCES. want: MAY_*. */
int user_may(const struct nomount_user *user, mode_t mode, uid_t owner, gid_t group, unsigned want);
/* Of a node of the tree, whose unchanged owner is this user. */
int user_may_entry(const struct nomount_user *user, const struct sysfs_entry *e, unsigned want);
/* Why nobody may change entries of a directory, whoever it is. */
int unchangeable(const struct nomount_call *c);

/* execute.c: what the call does, when all that lies in the caller's memory is known, and its
 * answer.
 */
void call_execute(struct nomount_call *c);
/* What everything that is found answers alike. False: it depends. */
bool answer_alike(struct nomount_call *c);

/* pair.c: rename(2) and link(2), which never change anything where the machine is concerned. */
void execute_pair(struct nomount_call *c);

/* descriptor.c: calls on a file of ours that is open. */
/* Whether it is one. Then a call that must fail has its answer, which is to be given before
 * anything is read. */
bool call_begin_descriptor(struct nomount_call *c);
void execute_descriptor(struct nomount_call *c);
/* Whether the descriptor may be written to. */
bool call_writable(const struct nomount_call *c);
/* Its offset is behind what was stored, as a read that follows sees it. */
void call_moved(struct nomount_call *c);

/* file.c, open.c */
void call_open(struct nomount_call *c, const struct walk_result *at);
/* At the end of the name of a memfd that stands for a descriptor of O_PATH. */
#define FILE_BARE ":path"
/* A memfd of that name, which can be sealed and not be executed. -1: errno. */
int file_memory(const char *name);
/* A memfd of an attribute, link or node with these flags of open(2). A descriptor, or -errno. */
int file_new(struct nomount_view *v, sysfs_ino ino, const char *content, size_t len, int flags);
/* A memfd that stands for a link of the computer's. */
int file_new_name(const char *path);
/* Writes all of it to a memfd that is empty. 0 or -errno. */
int file_write(int fd, const void *content, size_t len);
/* What open(2) with these flags does: MAY_*. */
unsigned file_wants(int flags);
/* The content of an attribute. */
int file_show(const struct nomount_view *v, sysfs_ino ino, struct text *out);

/* library.c: the library of src/preload as a file, and another descriptor of it; or -errno. */
int library_new(void);
int library_open(int library);

/* issued.c: nodes of which there has been a file. */
void issued_add(struct nomount_view *v, sysfs_ino ino);
bool issued_has(const struct nomount_view *v, sysfs_ino ino);
void issued_free(struct nomount_view *v);

/* stat.c */
void call_stat(struct nomount_call *c, const struct walk_result *at);
void call_stat_ino(struct nomount_call *c, sysfs_ino ino);
/* What is known already. */
void call_stat_known(struct nomount_call *c, const struct stat *st);
void call_statfs(struct nomount_call *c);

/*
 * elsewhere.c: a file of the computer's that the kernel cannot find by itself, since the path leads
 * through the machine's tree, or starts in it. What is asked of it is asked by this process, on one
 * of the copier's threads, and with its rights. So a program of this user may open what is there,
 * for writing and with O_TRUNC, too; one of another user learns what is in sysfs, and gets
 * directories of it open, as their modes say. Nothing is made, renamed or removed. What is judged
 * is what is opened, whatever becomes of the path meanwhile. Sets the call's answer.
 */
void call_elsewhere(struct nomount_call *c);

/*
 * watch.c: inotify(7). Who watches a directory or file of ours watches the one in the shadow, and
 * what happens to the file happens there, too. A store is one by a program that opens the file for
 * it; who only reads tells nobody.
 */
/* The file in the shadow, open for the library. */
void call_open_watch(struct nomount_call *c, sysfs_ino ino);
/* stored: or its mode or owner has changed. */
void watch_changed(const struct nomount_view *v, sysfs_ino ino, bool stored);

/* splice.c */
/* Why nothing is copied from one file to another. */
int splice_refuse_copy(const struct nomount_call *c);
/* For the copier's threads: */
/* What is to be stored, as data; 0 bytes: there is nothing more. 0 or -errno. */
int splice_read(struct nomount_call *c, int line);
/* What has been stored is there no more. 0 or -errno. */
int splice_take(struct nomount_call *c, int line);

/* store.c */
void call_store(struct nomount_call *c);
/* Nobody waits for it any more. */
void store_cancel(struct nomount_call *c);

/* node.c */
/* For a program of this user. A descriptor; -ENODEV, -EMFILE: the user has too many, -ENFILE. */
int node_open(struct nomount_view *v, uid_t uid, sysfs_ino ino);
const struct nomount_file *node_find(const struct nomount *n, uint64_t socket);
void node_free_all(struct nomount *n);

#endif
