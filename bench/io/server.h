/* A server: a child process, on a processor of its own, and what it costs. */
#ifndef IO_SERVER_H
#define IO_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct server_kind {
    const char *name;
    const char *program;  /* beside this one */
    const char *variable; /* for its environment; NULL: none */
    const char *talks;    /* protocols: "echo http", or one of them, or "resp" */
    bool listens;         /* by itself, on the port that it is given */
    const char *what;
};

/* The first of each protocol is what the others are compared with. Both end with a NULL. */
extern const struct server_kind server_kinds[];
extern const struct server_absent {
    const char *name, *why;
} server_absents[];

struct server {
    pid_t pid;
    unsigned port;
    clockid_t clock; /* of the time that it has had a processor */
};

/* It listens when this returns. 0, or an errno value. */
int server_start(struct server *server, const struct server_kind *kind, const char *talk, int cpu);
/* Has it a ring, of io_uring? */
bool server_has_ring(const struct server *server);

void server_end(struct server *server);

/* User and system time of all its threads, ns. */
int64_t server_cpu(const struct server *server);

/* Memory that is its own or its part of what is shared, bytes: PSS. -1 if the system does not tell. */
int64_t server_memory(const struct server *server);

/* This process, from now on, on this processor. */
void pin(int cpu);

#endif
