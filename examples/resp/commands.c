/* The commands: each a function, and a line in the table at the end. Messages are those of Redis, which clients look at. */
#include "commands.h"

#include "number.h"
#include "reply.h"

#include <coro.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char not_an_integer[] = "ERR value is not an integer or out of range";
static const char syntax_error[] = "ERR syntax error";
static const char no_memory[] = "OOM out of memory";

/* ---- arguments ---- */

static bool is(const struct argument *argument, const char *word)
{
    size_t size = strlen(word);

    return argument->size == size && strncasecmp(argument->bytes, word, size) == 0;
}

static bool integer(struct client *client, const struct argument *argument, long long *out)
{
    if (parse_integer(argument->bytes, argument->size, out))
        return true;
    reply_error(client, "%s", not_an_integer);
    return false;
}

/* When `n` times `unit` from now is, a time in the past included; false if there is no such time. */
static bool time_after(long long n, int64_t unit, int64_t *out)
{
    int64_t ns, when;

    if (n <= 0) {
        *out = 0;
        return true;
    }
    if (__builtin_mul_overflow(n, unit, &ns) || __builtin_add_overflow(coro_now(), ns, &when) || when == CORO_FOREVER)
        return false;
    *out = when;
    return true;
}

static struct entry *find(const struct client *client, const struct argument *key)
{
    return store_find(&client->server->store, key->bytes, key->size);
}

/* ---- connections ---- */

static void ping(struct client *client, const struct argument *args, size_t count)
{
    if (count == 1)
        reply_literal(client, "+PONG\r\n");
    else if (count == 2)
        reply_bulk(client, args[1].bytes, args[1].size);
    else
        reply_error(client, "ERR wrong number of arguments for 'ping' command");
}

static void echo(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    reply_bulk(client, args[1].bytes, args[1].size);
}

static void quit(struct client *client, const struct argument *args, size_t count)
{
    (void)args;
    (void)count;
    reply_literal(client, "+OK\r\n");
    client->quits = true;
}

static void select_database(struct client *client, const struct argument *args, size_t count)
{
    long long number;

    (void)count;
    if (!integer(client, &args[1], &number))
        return;
    if (number == 0)
        reply_literal(client, "+OK\r\n");
    else
        reply_error(client, "ERR DB index is out of range");
}

/* ---- strings ---- */

static void get(struct client *client, const struct argument *args, size_t count)
{
    struct entry *entry = find(client, &args[1]);

    (void)count;
    if (entry != NULL)
        reply_value(client, entry->value);
    else
        reply_literal(client, "$-1\r\n");
}

struct set_options {
    bool only_new, only_old;
    int64_t expires;
};

/* False: the client has been told what is wrong. */
static bool read_set_options(struct client *client, const struct argument *args, size_t count, struct set_options *out)
{
    *out = (struct set_options){.expires = CORO_FOREVER};
    for (size_t i = 3; i < count; i++) {
        int64_t unit = is(&args[i], "EX") ? CORO_S(1) : is(&args[i], "PX") ? CORO_MS(1) : 0;
        long long n;

        if (is(&args[i], "NX") && !out->only_old) {
            out->only_new = true;
        } else if (is(&args[i], "XX") && !out->only_new) {
            out->only_old = true;
        } else if (unit != 0 && i + 1 < count && out->expires == CORO_FOREVER) {
            if (!integer(client, &args[++i], &n))
                return false;
            if (n <= 0 || !time_after(n, unit, &out->expires)) {
                reply_error(client, "ERR invalid expire time in 'set' command");
                return false;
            }
        } else {
            reply_error(client, "%s", syntax_error);
            return false;
        }
    }
    return true;
}

/* May it be written over? Not while somebody sends it, and not if most of its room would be left empty for good. */
static bool reusable(const struct value *value, size_t size)
{
    return value->holders == 1 && value->capacity >= size && value->capacity <= 2 * size + 64;
}

/* Give a key the bytes of an argument. */
static bool store_argument(struct client *client, struct entry *entry, const struct argument *key,
                           const struct argument *argument, int64_t expires)
{
    struct store *store = &client->server->store;
    struct value *value;

    if (argument->value == NULL && entry != NULL && reusable(entry->value, argument->size)) {
        entry->value->size = argument->size;
        memcpy(entry->value->bytes, argument->bytes, argument->size);
        store_expire(store, entry, expires);
        return true;
    }
    value = argument->value != NULL ? value_hold(argument->value) : value_new(argument->size);
    if (value == NULL)
        return false;
    if (argument->value == NULL)
        memcpy(value->bytes, argument->bytes, argument->size);
    if (store_set(store, key->bytes, key->size, value, expires))
        return true;
    value_release(value);
    return false;
}

static void set(struct client *client, const struct argument *args, size_t count)
{
    struct set_options options;
    struct entry *entry;

    if (!read_set_options(client, args, count, &options))
        return;
    entry = find(client, &args[1]);
    if (entry != NULL ? options.only_new : options.only_old)
        reply_literal(client, "$-1\r\n");
    else if (store_argument(client, entry, &args[1], &args[2], options.expires))
        reply_literal(client, "+OK\r\n");
    else
        reply_error(client, "%s", no_memory);
}

static void add_to(struct client *client, const struct argument *key, long long increment)
{
    struct entry *entry = find(client, key);
    char digits[24];
    struct argument sum = {.bytes = digits};
    long long n = 0;

    if (entry != NULL && !parse_integer(entry->value->bytes, entry->value->size, &n))
        reply_error(client, "%s", not_an_integer);
    else if (__builtin_add_overflow(n, increment, &n))
        reply_error(client, "ERR increment or decrement would overflow");
    else {
        sum.size = (size_t)snprintf(digits, sizeof digits, "%lld", n);
        if (store_argument(client, entry, key, &sum, entry != NULL ? entry->expires : CORO_FOREVER))
            reply_integer(client, n);
        else
            reply_error(client, "%s", no_memory);
    }
}

static void incr(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    add_to(client, &args[1], 1);
}

static void decr(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    add_to(client, &args[1], -1);
}

static void incrby(struct client *client, const struct argument *args, size_t count)
{
    long long increment;

    (void)count;
    if (integer(client, &args[2], &increment))
        add_to(client, &args[1], increment);
}

/* ---- keys ---- */

static void del(struct client *client, const struct argument *args, size_t count)
{
    long long removed = 0;

    for (size_t i = 1; i < count; i++)
        removed += store_remove(&client->server->store, args[i].bytes, args[i].size);
    reply_integer(client, removed);
}

static void exists(struct client *client, const struct argument *args, size_t count)
{
    long long found = 0;

    for (size_t i = 1; i < count; i++)
        found += find(client, &args[i]) != NULL;
    reply_integer(client, found);
}

static void expire_in(struct client *client, const struct argument *args, int64_t unit, const char *command)
{
    struct entry *entry;
    long long n;
    int64_t when;

    if (!integer(client, &args[2], &n))
        return;
    if (!time_after(n, unit, &when)) {
        reply_error(client, "ERR invalid expire time in '%s' command", command);
        return;
    }
    entry = find(client, &args[1]);
    if (entry != NULL)
        store_expire(&client->server->store, entry, when);
    reply_integer(client, entry != NULL);
}

static void expire(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    expire_in(client, args, CORO_S(1), "expire");
}

static void pexpire(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    expire_in(client, args, CORO_MS(1), "pexpire");
}

/* -2: no such key, -1: it does not expire. */
static long long time_left(const struct client *client, const struct argument *key, int64_t unit)
{
    const struct entry *entry = find(client, key);

    if (entry == NULL)
        return -2;
    if (entry->expires == CORO_FOREVER)
        return -1;
    return (entry->expires - coro_now() + unit / 2) / unit;
}

static void ttl(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    reply_integer(client, time_left(client, &args[1], CORO_S(1)));
}

static void pttl(struct client *client, const struct argument *args, size_t count)
{
    (void)count;
    reply_integer(client, time_left(client, &args[1], CORO_MS(1)));
}

static void persist(struct client *client, const struct argument *args, size_t count)
{
    struct entry *entry = find(client, &args[1]);
    bool expired = entry != NULL && entry->expires != CORO_FOREVER;

    (void)count;
    if (expired)
        store_expire(&client->server->store, entry, CORO_FOREVER);
    reply_integer(client, expired);
}

/* ---- the server ---- */

static void dbsize(struct client *client, const struct argument *args, size_t count)
{
    (void)args;
    (void)count;
    reply_integer(client, (long long)client->server->store.count);
}

static void flushall(struct client *client, const struct argument *args, size_t count)
{
    if (count > 2 || (count == 2 && !is(&args[1], "SYNC") && !is(&args[1], "ASYNC"))) {
        reply_error(client, "%s", syntax_error);
        return;
    }
    store_clear(&client->server->store);
    reply_literal(client, "+OK\r\n");
}

/* What redis-benchmark wants to know. */
static void config(struct client *client, const struct argument *args, size_t count)
{
    static const char *const settings[][2] = {{"save", ""}, {"appendonly", "no"}};

    if (count != 3 || !is(&args[1], "GET")) {
        reply_error(client, "ERR unknown subcommand or wrong number of arguments for 'config'. Try CONFIG GET name.");
        return;
    }
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (is(&args[2], settings[i][0])) {
            reply_array(client, 2);
            reply_bulk(client, settings[i][0], strlen(settings[i][0]));
            reply_bulk(client, settings[i][1], strlen(settings[i][1]));
            return;
        }
    reply_array(client, 0);
}

static void info(struct client *client, const struct argument *args, size_t count)
{
    const struct server *server = client->server;
    char text[512];
    int size = snprintf(text, sizeof text,
                        "# Server\r\nlibcoro_version:%s\r\nprocess_id:%ld\r\n\r\n"
                        "# Clients\r\nconnected_clients:%zu\r\n\r\n"
                        "# Stats\r\ntotal_connections_received:%lu\r\ntotal_commands_processed:%lu\r\n\r\n"
                        "# Keyspace\r\ndb0:keys=%zu,expires=%zu\r\n",
                        coro_version(), (long)getpid(), server->clients, server->connections, server->requests,
                        server->store.count, server->store.mortal);

    (void)args;
    (void)count;
    reply_bulk(client, text, (size_t)size);
}

static void command(struct client *client, const struct argument *args, size_t count);

/* ---- the table ---- */

enum { NAME_MOST = 8 };

/* Those that are asked for most come first. */
static const struct command {
    char name[NAME_MOST]; /* in upper case; the rest is zeros */
    int arity;            /* arguments, the name included; negative: at least so many */
    void (*run)(struct client *client, const struct argument *args, size_t count);
} commands[] = {
    {"GET", 2, get},
    {"SET", -3, set},
    {"PING", -1, ping},
    {"INCR", 2, incr},
    {"DEL", -2, del},
    {"EXISTS", -2, exists},
    {"DECR", 2, decr},
    {"INCRBY", 3, incrby},
    {"EXPIRE", 3, expire},
    {"PEXPIRE", 3, pexpire},
    {"TTL", 2, ttl},
    {"PTTL", 2, pttl},
    {"PERSIST", 2, persist},
    {"ECHO", 2, echo},
    {"DBSIZE", 1, dbsize},
    {"FLUSHALL", -1, flushall},
    {"COMMAND", -1, command},
    {"CONFIG", -2, config},
    {"INFO", -1, info},
    {"QUIT", -1, quit},
    {"SELECT", 2, select_database},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* What redis-cli asks for its hints. There are none. */
static void command(struct client *client, const struct argument *args, size_t count)
{
    if (count == 2 && is(&args[1], "COUNT"))
        reply_integer(client, COMMANDS);
    else
        reply_array(client, 0);
}

static const struct command *look_up(const struct argument *name)
{
    char upper[NAME_MOST] = {0};

    if (name->size > NAME_MOST)
        return NULL;
    for (size_t i = 0; i < name->size; i++)
        upper[i] = (char)(name->bytes[i] - (name->bytes[i] >= 'a' && name->bytes[i] <= 'z' ? 'a' - 'A' : 0));
    for (size_t i = 0; i < COMMANDS; i++)
        if (memcmp(commands[i].name, upper, NAME_MOST) == 0)
            return &commands[i];
    return NULL;
}

static int at_most(size_t size, size_t most)
{
    return (int)(size < most ? size : most);
}

static void refuse_unknown(struct client *client, const struct argument *args, size_t count)
{
    enum { MOST = 128 };
    char said[MOST + 8] = "";
    size_t used = 0;

    for (size_t i = 1; i < count && used < MOST; i++) {
        snprintf(said + used, sizeof said - used, "'%.*s' ", at_most(args[i].size, MOST - used), args[i].bytes);
        used = strlen(said);
    }
    reply_error(client, "ERR unknown command '%.*s', with args beginning with: %s", at_most(args[0].size, MOST),
                args[0].bytes, said);
}

static void refuse_arity(struct client *client, const struct command *c)
{
    char name[NAME_MOST + 1] = "";

    for (size_t i = 0; i < NAME_MOST; i++)
        name[i] = (char)tolower((unsigned char)c->name[i]);
    reply_error(client, "ERR wrong number of arguments for '%s' command", name);
}

void command_run(struct client *client)
{
    const struct request *request = &client->request;
    const struct command *c;

    if (request->count == 0)
        return;
    client->server->requests++;
    c = look_up(&request->arguments[0]);
    if (c == NULL)
        refuse_unknown(client, request->arguments, request->count);
    else if (c->arity >= 0 ? request->count != (size_t)c->arity : request->count < (size_t)-c->arity)
        refuse_arity(client, c);
    else
        c->run(client, request->arguments, request->count);
}
