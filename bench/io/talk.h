/* What a client says to a server, and what it waits for. */
#ifndef IO_TALK_H
#define IO_TALK_H

#include <stddef.h>

struct talk {
    const char *name;     /* in tables and filters; also of what servers are started with */
    const char *protocol; /* that a server must talk */
    size_t depth;         /* requests that are sent together, and whose responses are waited for together */
    const char *request, *response;
    const char *setup, *setup_response; /* once, before all others; NULL: nothing */
    const char *what;
};

/* Ends with a NULL. */
extern const struct talk talks[];

/* Memory of idle connections, measured with the first of these that a server talks; has no requests of its own. */
extern const struct talk talk_idle;

/* The first that a server talks, of protocols "echo http". */
const struct talk *talk_of(const char *protocols);

#endif
