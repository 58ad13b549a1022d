/*
 * CORO_LEAKS=1 in the environment: when the process exits, say which coroutines nobody has destroyed.
 *
 * The threads that use the library are listed, each with its own list of live coroutines. With the variable the orphans of those
 * that have ended are, too, and whoever edits a list of coroutines holds the lock; without it there is no such lock, and no report. A
 * debugger reads the lists in either case.
 */
#include "coroutine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MOST = 20 };

bool coro__leaks_wanted;
struct coro *coro__orphans;
struct coro__thread *coro__threads;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t process; /* a forked child has copies of everything, and nothing to say about it */

/* ---- the lists ---- */

static void read_environment(void)
{
    const char *value = getenv("CORO_LEAKS");

    process = getpid();
    coro__leaks_wanted = value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

/* In a child that begins anew. */
static void forget(void)
{
    coro__threads = NULL;
    coro__orphans = NULL;
    process = getpid();
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&lock);
    coro__thread_on_rebirth(forget);
}

void coro__leaks_watch(struct coro__thread *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_environment);
    pthread_mutex_lock(&lock);
    t->next_watched = coro__threads;
    t->watched_link = &coro__threads;
    if (coro__threads != NULL)
        coro__threads->watched_link = &t->next_watched;
    coro__threads = t;
    pthread_mutex_unlock(&lock);
}

void coro__leaks_unwatch(struct coro__thread *t)
{
    if (coro__in_forked_child())
        return; /* the blocks of the other threads are gone with them */
    pthread_mutex_lock(&lock);
    *t->watched_link = t->next_watched;
    if (t->next_watched != NULL)
        t->next_watched->watched_link = t->watched_link;
    pthread_mutex_unlock(&lock);
}

void coro__leaks_lock(void)
{
    if (coro__leaks_wanted)
        pthread_mutex_lock(&lock);
}

void coro__leaks_unlock(void)
{
    if (coro__leaks_wanted)
        pthread_mutex_unlock(&lock);
}

/* ---- the report ---- */

struct survey {
    size_t count;    /* of live ones */
    size_t unlisted; /* of those whose site had no place in the table */
    size_t sites;
    struct site {
        const struct coro *first;
        size_t count;
    } site[LINES_MOST];
};

static bool same_site(const struct coro *a, const struct coro *b)
{
    return a->site == b->site || (a->site != NULL && b->site != NULL && strcmp(a->site, b->site) == 0);
}

static void count_at_site(struct survey *s, const struct coro *co)
{
    size_t i = 0;

    while (i < s->sites && !same_site(s->site[i].first, co))
        i++;
    if (i == LINES_MOST) {
        s->unlisted++;
        return;
    }
    if (i == s->sites)
        s->site[s->sites++] = (struct site){.first = co};
    s->site[i].count++;
}

static void write_coroutine(const struct coro *co)
{
    static const char *const words[] = {
        [CORO_SUSPENDED] = "suspended", [CORO_RUNNING] = "running", [CORO_NORMAL] = "normal", [CORO_DEAD] = "dead"};
    struct coro__text line = {0};

    coro__text_add(&line, "    ");
    coro__describe(&line, co);
    coro__text_add(&line, ", ");
    coro__text_add(&line, words[coro_get_status(co)]);
    coro__text_add(&line, ", ");
    coro__describe_site(&line, co);
    coro__text_write(&line);
}

static void write_site(const struct site *site)
{
    struct coro__text line = {0};

    if (site->count == 1) {
        write_coroutine(site->first);
        return;
    }
    coro__text_add(&line, "    ");
    coro__text_decimal(&line, site->count);
    coro__text_add(&line, " ");
    coro__describe_site(&line, site->first);
    coro__text_add(&line, ", such as ");
    coro__describe(&line, site->first);
    coro__text_write(&line);
}

static void survey_list(struct survey *s, const struct coro *first)
{
    for (const struct coro *co = first; co != NULL; co = co->next_live) {
        if (coro__is_idle(co))
            continue;
        s->count++;
        count_at_site(s, co);
    }
}

static void write_list(const struct coro *first)
{
    for (const struct coro *co = first; co != NULL; co = co->next_live)
        if (!coro__is_idle(co))
            write_coroutine(co);
}

static void write_survey(const struct survey *s)
{
    struct coro__text line = {0};

    coro__text_add(&line, "libcoro: ");
    coro__text_decimal(&line, s->count);
    coro__text_add(&line, s->count == 1 ? " coroutine was not destroyed:" : " coroutines were not destroyed:");
    coro__text_write(&line);
    if (s->count <= LINES_MOST) {
        for (const struct coro__thread *t = coro__threads; t != NULL; t = t->next_watched)
            write_list(t->live);
        write_list(coro__orphans);
        return;
    }
    for (size_t i = 0; i < s->sites; i++)
        write_site(&s->site[i]);
    if (s->unlisted == 0)
        return;
    coro__text_add(&line, "    and ");
    coro__text_decimal(&line, s->unlisted);
    coro__text_add(&line, " more");
    coro__text_write(&line);
}

/* Late, after the handlers of atexit() and the destructors of the program's own files, which may destroy some. */
static __attribute__((destructor(101))) void report_leaks(void)
{
    struct survey survey = {0};

    if (!coro__leaks_wanted || getpid() != process)
        return;
    pthread_mutex_lock(&lock);
    for (const struct coro__thread *t = coro__threads; t != NULL; t = t->next_watched)
        survey_list(&survey, t->live);
    survey_list(&survey, coro__orphans);
    if (survey.count > 0)
        write_survey(&survey);
    pthread_mutex_unlock(&lock);
}
