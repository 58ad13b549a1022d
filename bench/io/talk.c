#include "talk.h"

#include "wire.h"

#define X8          "xxxxxxxx"
#define ECHO        X8 X8 X8 X8 X8 X8 X8 X8
#define SET_REQUEST "*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nxxx\r\n"
#define GET_REQUEST "*2\r\n$3\r\nGET\r\n$16\r\nkey:__rand_int__\r\n"
#define PIPELINE    16

_Static_assert(sizeof ECHO - 1 == IO_ECHO_SIZE, "what is sent");

#define PING_TALK(name, depth, what)                                                                                   \
    {                                                                                                                  \
        name, "resp", depth, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n", NULL, NULL, what                                     \
    }
#define SET_TALK(name, depth, what)                                                                                    \
    {                                                                                                                  \
        name, "resp", depth, SET_REQUEST, "+OK\r\n", NULL, NULL, what                                                  \
    }
#define GET_TALK(name, depth, what)                                                                                    \
    {                                                                                                                  \
        name, "resp", depth, GET_REQUEST, "$3\r\nxxx\r\n", SET_REQUEST, "+OK\r\n", what                                \
    }

/* Those of the Redis protocol are what redis-benchmark says. */
const struct talk talks[] = {
    {"echo", "echo", 1, ECHO, ECHO, NULL, NULL, "64 bytes come back"},
    {"http", "http", 1, IO_REQUEST, IO_RESPONSE, NULL, NULL, "a GET, and 128 bytes"},
    PING_TALK("ping", 1, "Redis protocol, PING"),
    SET_TALK("set", 1, "Redis protocol, SET of 3 bytes"),
    GET_TALK("get", 1, "Redis protocol, GET of 3 bytes"),
    PING_TALK("ping-16", PIPELINE, "16 of them at a time"),
    SET_TALK("set-16", PIPELINE, "16 of them at a time"),
    GET_TALK("get-16", PIPELINE, "16 of them at a time"),
    {0},
};

const struct talk talk_idle = {.name = "idle", .what = "memory of connections that wait"};

const struct talk *talk_of(const char *protocols)
{
    const struct talk *talk = talks;

    while (strstr(protocols, talk->protocol) == NULL)
        talk++;
    return talk;
}
