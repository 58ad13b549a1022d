/* commands.h: what the server does with a request. */
#ifndef RESP_COMMANDS_H
#define RESP_COMMANDS_H

#include "server.h"

/* Do what the client's request, which is complete, asks for, and reply. */
void command_run(struct client *client);

#endif
