/*
 * Stackless tasks: how they begin, are run, wait and end.
 *
 * A light one has no waiter: it waits for time alone, so that its timer is all that can end that, but cancellation.
 */
#include "async.h"

#include "base/panic.h"
#include "base/text.h"
#include "group.h"

#include <stdlib.h>

_Static_assert(offsetof(struct coro_task, fn) == CORO_ASYNC_LIGHT_WORDS_ * sizeof(void *), "coro/async.h: its words");
_Static_assert(offsetof(struct coro_task, context) <= CORO_ASYNC_WORDS_ * sizeof(void *), "coro/async.h: its words");
_Static_assert(CORO_ASYNC_WORDS_ % 2 == 0, "a frame may be aligned to 16 bytes");
_Static_assert(CORO_ASYNC_LIGHT_WORDS_ % 2 == 0, "a frame may be aligned to 16 bytes");

/* ---- memory ---- */

enum { GRAIN = 16, CLASSES = 64, CHUNK = 65536, LINE = 64 };

/* What has been given back is kept by size, in grains; what is new is cut off a chunk. */
struct coro__async_memory {
    struct place {
        struct place *next;
    } * free[CLASSES];
    struct place *chunks;
    char *rest, *end;
};

static inline size_t size_of(const coro_async_type *type, bool light)
{
    return (light ? CORO_ASYNC_LIGHT_WORDS_ : CORO_ASYNC_WORDS_) * sizeof(void *) + type->room;
}

/* Tools are to see what is used after it. */
static inline bool is_alone(size_t size)
{
    return CORO__SANITIZED || coro__under_valgrind || size / GRAIN >= CLASSES;
}

static __attribute__((noinline)) void *cut(struct coro_sched *s, size_t size)
{
    struct coro__async_memory *memory = s->async_memory;
    struct place *chunk;

    if (memory == NULL) {
        memory = s->async_memory = calloc(1, sizeof *memory);
        if (memory == NULL)
            return NULL;
    }
    if ((size_t)(memory->end - memory->rest) < size) {
        if (posix_memalign((void **)&chunk, LINE, CHUNK) != 0)
            return NULL;
        chunk->next = memory->chunks;
        memory->chunks = chunk;
        memory->rest = (char *)chunk + LINE; /* tasks as large as a line of the cache lie in one */
        memory->end = (char *)chunk + CHUNK;
    }
    memory->rest += size;
    return memory->rest - size;
}

static inline void *take(struct coro_sched *s, size_t size)
{
    struct place *place;

    if (is_alone(size))
        return malloc(size);
    place = s->async_memory != NULL ? s->async_memory->free[size / GRAIN] : NULL;
    if (unlikely(place == NULL))
        return cut(s, size);
    s->async_memory->free[size / GRAIN] = place->next;
    __builtin_prefetch(place->next, 1);
    return place;
}

static inline void give(struct coro_task *task)
{
    size_t size = size_of(task->type, task->light);
    struct coro__async_memory *memory = task->sched->async_memory;
    struct place *place = (struct place *)(void *)task;

    if (task->borrowed)
        return;
    if (is_alone(size)) {
        if (task->sched->async == task)
            task->sched->async = NULL; /* a signal handler may ask who runs; elsewhere its memory stays */
        free(task);
        return;
    }
    place->next = memory->free[size / GRAIN];
    memory->free[size / GRAIN] = place;
}

void coro__async_end(struct coro_sched *s)
{
    if (s->async_memory == NULL)
        return;
    for (struct place *chunk = s->async_memory->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(s->async_memory);
}

/* ---- the beginning ---- */

static const struct coro__wait for_its_turn = {.what = "for its turn"};

static inline void make_ready(struct coro_task *task)
{
    struct coro_sched *s = task->sched;
    struct coro__ready entry = coro__async_entry(task);

    coro__queue_woken(&s->queue, entry.context, entry.value);
    if (unlikely(s->driver == NULL))
        coro__sched_announce(s);
}

/* A waiter's `wake`. What it is woken with is what it settles for. */
static void wake(struct coro__waiter *waiter, uintptr_t value)
{
    if (value != CORO__UNSETTLED)
        waiter->error = (int)value;
    make_ready(CORO__OWNER(waiter, struct coro_task, waiter));
}

/* What a light one has no room for. */
static void fill_in(const char *site, struct coro_task *task)
{
    task->waiter.state = CORO__WOKEN;
    task->waiter.kind = &for_its_turn;
    task->waiter.error = 0;
    task->waiter.timer.handle = 0;
    task->waiter.timers = &task->sched->timers;
    task->waiter.wake = wake;
    task->group = task->scope = NULL;
    task->site = site;
    task->number = 0;
}

/* A struct, word by word: most have few, and calling memcpy() for those takes longer than it does. */
static inline void copy(void *to, const void *from, size_t size)
{
    enum { FEW = 8 };
    char *out = to;
    const char *in = from;
    size_t last;

    if (size <= sizeof(int))
        return; /* there is only the point in it */
    if (unlikely(size < sizeof(void *)) || size > FEW * sizeof(void *)) {
        memcpy(to, from, size);
        return;
    }
    last = size - sizeof(void *);
    for (size_t i = 0; i < last; i += sizeof(void *))
        memcpy(out + i, in + i, sizeof(void *));
    memcpy(out + last, in + last, sizeof(void *));
}

static inline __attribute__((always_inline)) int spawn(const char *site, struct coro_sched *s, struct coro_task **out,
                                                       const coro_async_type *type, const void *frame, void *storage,
                                                       bool light)
{
    struct coro_task *task;
    struct coro__ready entry;
    void *own;
    int err = frame != NULL ? coro__task_reserve(s) : -EINVAL;

    if (unlikely(err != 0))
        return err;
    task = storage != NULL ? storage : take(s, size_of(type, light));
    if (unlikely(task == NULL)) {
        coro__task_release(s);
        return -ENOMEM;
    }
    task->sched = s;
    task->type = type;
    task->joiner = NULL;
    task->timer = 0;
    task->flags = 0;
    task->stackless = true;
    task->light = light;
    task->detached = out == NULL;
    task->borrowed = storage != NULL;
    if (!light)
        fill_in(site, task);
    own = (void **)task + (light ? CORO_ASYNC_LIGHT_WORDS_ : CORO_ASYNC_WORDS_);
    copy(own, frame, type->size);
    *(int *)own = 0;
    coro__list_insert(&s->tasks, &task->in_sched);
    s->spawned++;
    entry = coro__async_entry(task);
    coro__queue_woken(&s->queue, entry.context, entry.value);
    if (out != NULL)
        *out = task;
    return 0;
}

static __attribute__((noinline)) int spawn_whole(const char *site, struct coro_sched *s, struct coro_task **out,
                                                 const coro_async_type *type, const void *frame, void *storage)
{
    return spawn(site, s, out, type, frame, storage, false);
}

static inline int spawn_for(const char *site, struct coro_sched *s, struct coro_task **out, const coro_async_type *type,
                            const void *frame, void *storage)
{
    if (type->light)
        return spawn(site, s, out, type, frame, storage, true);
    return spawn_whole(site, s, out, type, frame, storage);
}

int coro_async_spawn_at(const char *site, coro_task_t **out, const coro_async_type *type, const void *frame,
                        void *storage)
{
    const struct coro__thread *t = coro__thread_self();
    struct coro_sched *s = t->sched;

    if (unlikely(s == NULL) || unlikely(s->closing) || unlikely(t->token == 0) ||
        (t->current == s->driver && unlikely(s->async == NULL)))
        return coro__wait_refusal();
    return spawn_for(site, s, out, type, frame, storage);
}

int coro_sched_async_spawn_at(const char *site, coro_sched_t *s, coro_task_t **out, const coro_async_type *type,
                              const void *frame)
{
    int err = s != NULL ? coro__sched_refusal(s) : -EINVAL;

    if (err == 0 && s->closing)
        err = -ECANCELED;
    if (err == 0)
        err = spawn_for(site, s, out, type, frame, NULL);
    if (err == 0)
        coro__sched_announce(s);
    return err;
}

int coro_group_async_spawn_at(const char *site, coro_group_t *g, const coro_async_type *type, const void *frame)
{
    struct coro_sched *s;
    struct coro_task *child;
    int err = coro__group_check(g, &s);

    if (err == 0)
        err = spawn_whole(site, s, &child, type, frame, NULL);
    if (err == 0)
        coro__group_adopt(g, child);
    return err;
}

/* ---- run ---- */

bool coro__async_has_begun(const struct coro_task *task)
{
    return *(const int *)coro__async_frame(task) != 0;
}

/* What it goes on with: `now`. False: it does not, for it is dropped, and has never run. */
static bool tell(coro_async_now *now, struct coro_task *task)
{
    struct coro__waiter *waiter = &task->waiter;
    bool drop = task->dropped, again = false;

    if (task->light) {
        now->value_ = task->roused ? -ECANCELED : 0;
        task->roused = false;
    } else {
        now->value_ = (int)coro__waiter_settle(waiter);
        drop = drop && waiter->kind == &for_its_turn;
        again = waiter->kind->again;
    }
    now->mode_ = drop ? CORO_ASYNC_DROP_ : again ? CORO_ASYNC_AGAIN_ : CORO_ASYNC_VALUE_;
    now->resumed_ = again;
    now->armed_ = false;
    return !drop || coro__async_has_begun(task);
}

/* The outcome lies where the frame was. */
static void end(struct coro_task *task, void *result)
{
    task->ended = true;
    coro__task_refuse(task, false);
    *(void **)coro__async_frame(task) = result;
    task->sched->ended++;
    if (!task->light && task->group != NULL)
        coro__group_child_ended(task->group, task, (int)(intptr_t)result);
}

void *coro__async_reap(struct coro_task *task)
{
    void *result = *(void **)coro__async_frame(task);

    coro__list_remove(&task->in_sched);
    coro__task_release(task->sched);
    give(task);
    return result;
}

void coro__async_over(struct coro_task *task, int said, void *result)
{
    if (!task->light && unlikely(task->scope != NULL))
        coro__panic(task->type->name, "a task has returned with a group open; coro_group_join() must come first");
    end(task, said == CORO_ASYNC_DONE_ ? result : (void *)(intptr_t)-ECANCELED);
    if (task->detached)
        coro__async_reap(task);
    else if (task->joiner != NULL)
        coro__join_ended(task);
}

void coro__async_run_slowly(struct coro_sched *s, struct coro_task *task)
{
    void *result = NULL;
    int said = likely(tell(&s->async_now, task)) ? coro__async_call(s, task, coro__async_frame(task), &result)
                                                 : CORO_ASYNC_DROPPED_;

    if (said != CORO_ASYNC_PENDING_)
        coro__async_over(task, said, result);
}

void coro__async_unwind(struct coro_task *task)
{
    struct coro_sched *s = task->sched;
    void *result;

    s->async_now = (coro_async_now){.mode_ = CORO_ASYNC_DROP_};
    if (coro__async_has_begun(task))
        coro__async_call(s, task, coro__async_frame(task), &result);
    s->async = NULL;
    end(task, (void *)(intptr_t)-ECANCELED);
}

void coro_async_misused_(const char *function, const char *what)
{
    static const char ending[] = "_body_";
    struct coro__text line = {0};

    coro__text_add(&line, "libcoro: task '");
    coro__text_add_first(&line, function, strlen(function) - strlen(ending));
    coro__text_add(&line, "': ");
    coro__text_add(&line, what);
    coro__text_write(&line);
    abort();
}

/* ---- the running one waits ---- */

struct coro_task *coro__async_host(void)
{
    const struct coro__thread *t = coro__thread_self();
    const struct coro_sched *s = t->sched;

    if (s == NULL || s->async == NULL || s->async->light || t->current != s->driver)
        return NULL;
    return !s->closing && s->async_now.mode_ != CORO_ASYNC_DROP_ ? s->async : NULL;
}

struct coro_task *coro__may_await_slowly(void)
{
    struct coro_task *task = coro__async_at_work();

    if (task != NULL)
        return task->light || task->refused ? NULL : task;
    return coro__may_wait();
}

/* Cancelled, or going: that is what it is told. Otherwise it has not asked in the way that it must. */
int coro__async_refusal(const struct coro_sched *s)
{
    const struct coro_task *task = s->async;
    bool going = s->closing || s->async_now.mode_ == CORO_ASYNC_DROP_;

    return going || (coro__async_at_work() == task && task->refused) ? -ECANCELED : -EPERM;
}

bool coro__async_resumed(void)
{
    const struct coro_task *task = coro__async_at_work();
    bool resumed = task != NULL && task->sched->async_now.resumed_;

    if (resumed)
        task->sched->async_now.resumed_ = false;
    return resumed;
}

int coro__async_pause_slowly(struct coro_task *task)
{
    struct coro__ready entry = coro__async_entry(task);

    if (task->light) {
        task->roused = task->refused;
    } else {
        task->waiter.kind = &for_its_turn;
        task->waiter.error = task->refused ? -ECANCELED : 0;
    }
    coro__queue_paused(&task->sched->queue, entry.context, entry.value);
    return coro__async_pend(task);
}

int coro__async_sleep(struct coro_task *task, int64_t deadline)
{
    task->asleep = true;
    if (deadline != CORO_FOREVER)
        coro__timers_set_light(&task->sched->timers, &task->timer, deadline);
    return coro__async_pend(task);
}

static void wake_up(struct coro_task *task)
{
    task->asleep = false;
    make_ready(task);
}

void coro__async_due(uint32_t *timer)
{
    wake_up(CORO__OWNER(timer, struct coro_task, timer));
}

/* It sleeps no more. */
static void end_sleep(struct coro_task *task)
{
    coro__timers_unset_light(&task->sched->timers, &task->timer);
    wake_up(task);
}

void coro__async_rouse(struct coro_task *task)
{
    if (!task->refused || !task->asleep)
        return;
    task->roused = true;
    end_sleep(task);
}

/* ---- dropped ---- */

/* It waits for nothing any more, and is ready. */
static void stop_waiting(struct coro_task *task)
{
    bool ready = task->waiter.state != CORO__WAITING;

    if (task->waiter.state != CORO__WOKEN) {
        coro__waiter_abandon(&task->waiter);
        task->waiter.kind = &for_its_turn;
    }
    if (!ready)
        make_ready(task);
}

int coro_async_drop(coro_task_t *t)
{
    int err = t != NULL ? coro__sched_refusal(t->sched) : -EINVAL;

    if (err != 0)
        return err;
    if (!t->stackless)
        return -EINVAL;
    if (t->ended)
        return -ESRCH;
    if (t == t->sched->async)
        return -EDEADLK;
    if (!t->light && t->scope != NULL)
        return -EBUSY;
    if (t->dropped)
        return 0;
    t->dropped = true;
    if (t->light && t->asleep)
        end_sleep(t);
    else if (!t->light)
        stop_waiting(t);
    return coro_cancel(t);
}
