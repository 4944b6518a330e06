/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_GUEST_RIG_H
#define APUS_TESTS_GUEST_RIG_H

#include "core_world.h"
#include "guest/server.h"
#include "guest/session.h"

/* The server of the guest protocol with a real core, and clients at the other ends of socket pairs.
 */
struct guest_rig {
    struct door door; /* first */
    struct world *world;
    sd_event *event;
    struct guest_server_ops ops;
    struct guest_server *server;
    unsigned logged;
    char last_log[256];
    uint8_t in[GUEST_FRAME_MAX];
};

/* Functions of PQAP. */
enum { TAPQ = 0, ZAPQ = 2, AQIC = 3, QCI = 4 };

#define FEATURES_ALL                                                                               \
    (GUEST_FEATURE_AP | GUEST_FEATURE_APFT | GUEST_FEATURE_APQCI | GUEST_FEATURE_APQI)

int guest_rig_setup(void **state);
int guest_rig_setup_upstream(void **state);
int guest_rig_teardown(void **state);

/* Lets the server do all pending work. */
void guest_rig_run(struct guest_rig *r);

/* A new non-blocking connection. */
int guest_rig_connect(struct guest_rig *r);
void guest_rig_close(struct guest_rig *r, int client);

/* Sends bytes, or a frame, to the server, which runs as often as needed to take them. */
void guest_rig_send_bytes(struct guest_rig *r, int client, const void *bytes, size_t len);
void guest_rig_send(struct guest_rig *r, int client, const struct guest_frame *frame);

/* The next frame from the server. Its type is 0 if the connection has ended, and 0xffff if there is
 * none. */
struct guest_frame guest_rig_receive(struct guest_rig *r, int client);

/* HELLO; uuid may be NULL. Returns WELCOME or REFUSE. */
struct guest_frame guest_rig_hello(struct guest_rig *r, int client, enum guest_role role,
                                   uint32_t features, const char *name, const char *uuid);

/* A client that is accepted as a guest with all features. */
int guest_rig_guest(struct guest_rig *r, const char *name, const char *uuid);

/* Executes one instruction. */
struct guest_insn_reply guest_rig_execute(struct guest_rig *r, int client,
                                          const struct guest_insn *insn);

/* PQAP; returns the response code. */
unsigned guest_rig_pqap(struct guest_rig *r, int client, unsigned function, unsigned qn,
                        uint64_t gr1, uint64_t gr2);

/* Expects REFUSE with that errno and a text that contains `part`, then the end of the connection.
 */
void guest_rig_refused(struct guest_rig *r, int client, int error, const char *part);

/* How often a queue was zeroized. */
uint32_t guest_rig_zeroized(struct guest_rig *r, unsigned qn);

/* False: there is no such guest. */
bool guest_rig_find(struct guest_rig *r, const char *name, struct guest_info *out);

/* Executes a command of the administrator, through the same door. */
int guest_rig_admin(struct guest_rig *r, struct command *command);

int guest_rig_admin_guest(struct guest_rig *r, enum command_kind kind, const char *name,
                          const char *uuid);

int guest_rig_admin_put(struct guest_rig *r, const char *path, const char *value, uint64_t token);

/* Checks how many adapters, usage domains and control domains QCI shows. */
void guest_rig_expect_matrix(struct guest_rig *r, int client, unsigned adapters, unsigned domains,
                             unsigned control_domains);

void guest_rig_expect_notify(struct guest_rig *r, int client, enum guest_notify_kind kind);

void guest_rig_expect_nothing(struct guest_rig *r, int client);

/* Connects, and expects the HELLO to be refused. */
void guest_rig_refuse_hello(struct guest_rig *r, enum guest_role role, const char *name,
                            const char *uuid, int error, const char *part);

#endif
