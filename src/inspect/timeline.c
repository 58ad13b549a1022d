/*
 * The recording: begun and ended, and the thread that turns records into the JSON of Chrome's trace viewer.
 *
 * That thread reads the rings of all schedulers, one after the other, and writes to the file; no scheduler ever waits for it. When the
 * recording stops, schedulers are asked to write down what still goes on; then the thread reads what there is left, and ends.
 *
 *   I1  phase is RECORDING  <=>  the observer is the schedulers'
 *   I2  the list of rings is edited under the lock
 */
#include "trace.h"

#include "base/panic.h"
#include "json.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NAP_NS = 20000000 };
enum phase { IDLE, RECORDING, STOPPING };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    enum phase phase;         /* under the lock */
    struct coro__ring *rings; /* under the lock */

    /* constant while recording */
    pthread_t thread;
    struct coro__json *json;

    /* the thread's */
    uint64_t lost, flows;
} recording;
static atomic_bool stopping;
static atomic_uint hurries; /* a futex */
static atomic_uint last_track;

/* ---- rings ---- */

void coro__ring_drop(struct coro__ring *ring)
{
    if (atomic_fetch_sub(&ring->owners, 1) == 1)
        free(ring);
}

struct coro__ring *coro__timeline_join(void)
{
    struct coro__ring *ring;

    pthread_mutex_lock(&lock);
    if (recording.phase != RECORDING || posix_memalign((void **)&ring, 64, sizeof *ring) != 0) {
        pthread_mutex_unlock(&lock);
        return NULL;
    }
    atomic_init(&ring->owners, 2);
    atomic_init(&ring->over, false);
    atomic_init(&ring->left, false);
    atomic_init(&ring->lost, 0);
    atomic_init(&ring->written, 0);
    atomic_init(&ring->taken, 0);
    ring->next = recording.rings;
    recording.rings = ring;
    pthread_mutex_unlock(&lock);
    return ring;
}

uint32_t coro__timeline_track(void)
{
    return atomic_fetch_add_explicit(&last_track, 1, memory_order_relaxed) + 1;
}

void coro__timeline_hurry(void)
{
    atomic_fetch_add(&hurries, 1);
    syscall(SYS_futex, &hurries, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* For a while, or until there is something to be done soon: more than these times. */
static void take_a_nap(unsigned known)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};

    syscall(SYS_futex, &hurries, FUTEX_WAIT_PRIVATE, known, &nap, NULL, 0);
}

/* ---- records become events ---- */

static void name_track(struct coro__json *json, uint32_t track)
{
    coro__json_event(json, "M", track);
    coro__json_text(json, "name", "thread_name");
    coro__json_open(json, "args");
}

static void write_scheduler(struct coro__json *json, const struct coro__record *r)
{
    name_track(json, r->track);
    coro__json_begin_text(json, "name");
    coro__json_add(json, "scheduler ");
    coro__json_add_number(json, r->scheduler.number);
    coro__json_end_text(json);
    coro__json_close(json);
    coro__json_end_event(json);
}

static void write_task(struct coro__json *json, const struct coro__record *r)
{
    name_track(json, r->track);
    coro__json_begin_text(json, "name");
    coro__json_add(json, r->task.name[0] != '\0' ? r->task.name : "(unnamed)");
    coro__json_add(json, " #");
    coro__json_add_number(json, r->task.number);
    if (r->from != 0) {
        coro__json_add(json, ".");
        coro__json_add_number(json, r->from);
    }
    coro__json_end_text(json);
    if (r->task.site != NULL)
        coro__json_text(json, "created at", r->task.site);
    coro__json_close(json);
    coro__json_end_event(json);
}

static void write_stackless(struct coro__json *json, const struct coro__record *r)
{
    name_track(json, r->track);
    coro__json_begin_text(json, "name");
    coro__json_add(json, r->stackless.name);
    coro__json_add(json, ", stackless");
    coro__json_end_text(json);
    coro__json_text(json, "created at", r->stackless.site);
    coro__json_close(json);
    coro__json_end_event(json);
}

/* A stretch of time; to be closed by coro__json_end_event(). */
static void begin_slice(struct coro__json *json, uint32_t track, const char *category, int64_t begin, int64_t end)
{
    coro__json_event(json, "X", track);
    coro__json_time(json, "ts", begin);
    coro__json_time(json, "dur", end - begin);
    coro__json_text(json, "cat", category);
}

static void write_slice(struct coro__json *json, uint32_t track, const char *name, int64_t begin, int64_t end)
{
    begin_slice(json, track, name, begin, end);
    coro__json_text(json, "name", name);
    coro__json_end_event(json);
}

static void write_wait(struct coro__json *json, const struct coro__record *r, int64_t end)
{
    begin_slice(json, r->track, "wait", r->turn.since, end);
    coro__json_begin_text(json, "name");
    coro__json_add(json, "waits ");
    coro__json_add(json, r->turn.reason);
    coro__json_end_text(json);
    if (r->turn.site != NULL) {
        coro__json_open(json, "args");
        coro__json_text(json, "at", r->turn.site);
        coro__json_close(json);
    }
    coro__json_end_event(json);
}

/* It begins in the last moment of the turn of whoever woke it, and ends in the first of its own. */
static void write_arrow(struct coro__json *json, const struct coro__record *r)
{
    static const char *const kinds[] = {"s", "f"};

    recording.flows++;
    for (int i = 0; i < 2; i++) {
        coro__json_event(json, kinds[i], i == 0 ? r->from : r->track);
        coro__json_time(json, "ts", i == 0 ? r->turn.woken - 1 : r->turn.begin);
        coro__json_text(json, "cat", "wake");
        coro__json_text(json, "name", "wakes");
        coro__json_number(json, "id", recording.flows);
        if (i == 1)
            coro__json_text(json, "bp", "e");
        coro__json_end_event(json);
    }
}

/* Up to its turn, or where the recording ends. */
static void write_before(struct coro__json *json, const struct coro__record *r)
{
    int64_t woken = r->turn.woken != 0 ? r->turn.woken : r->turn.begin;

    if (r->turn.reason == NULL)
        woken = r->turn.since;
    else if (woken > r->turn.since)
        write_wait(json, r, woken);
    if (r->turn.begin > woken)
        write_slice(json, r->track, "ready", woken, r->turn.begin);
}

static void write_turn(struct coro__json *json, const struct coro__record *r)
{
    write_before(json, r);
    write_slice(json, r->track, "run", r->turn.begin, r->turn.end);
    if (r->from != 0)
        write_arrow(json, r);
}

static void write_round(struct coro__json *json, const struct coro__record *r)
{
    write_slice(json, r->track, "between rounds", r->round.begin, r->round.end);
    coro__json_event(json, "C", r->track);
    coro__json_time(json, "ts", r->round.end);
    coro__json_begin_text(json, "name");
    coro__json_add(json, "tasks of track ");
    coro__json_add_number(json, r->track);
    coro__json_end_text(json);
    coro__json_open(json, "args");
    coro__json_number(json, "live", r->round.live);
    coro__json_number(json, "ready", r->round.ready);
    coro__json_close(json);
    coro__json_end_event(json);
}

static void write_lost(struct coro__json *json, const struct coro__record *r)
{
    coro__json_event(json, "i", r->track);
    coro__json_time(json, "ts", r->lost.at);
    coro__json_text(json, "s", "t");
    coro__json_text(json, "cat", "lost");
    coro__json_text(json, "name", "turns are left out");
    coro__json_open(json, "args");
    coro__json_number(json, "turns", r->lost.count);
    coro__json_close(json);
    coro__json_end_event(json);
}

static void write_record(struct coro__json *json, const struct coro__record *r)
{
    static void (*const writers[])(struct coro__json * json,
                                   const struct coro__record *r) = {[CORO__RECORD_SCHEDULER] = write_scheduler,
                                                                    [CORO__RECORD_TASK] = write_task,
                                                                    [CORO__RECORD_STACKLESS] = write_stackless,
                                                                    [CORO__RECORD_TURN] = write_turn,
                                                                    [CORO__RECORD_STILL] = write_before,
                                                                    [CORO__RECORD_ROUND] = write_round,
                                                                    [CORO__RECORD_LOST] = write_lost};

    writers[r->kind](json, r);
}

static void write_process(struct coro__json *json)
{
    coro__json_event(json, "M", 0);
    coro__json_text(json, "name", "process_name");
    coro__json_open(json, "args");
    coro__json_text(json, "name", program_invocation_short_name);
    coro__json_close(json);
    coro__json_end_event(json);
}

/* ---- the thread ---- */

/* False if there was nothing. */
static bool drain(struct coro__ring *ring)
{
    size_t count = coro__ring_count(ring), taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

    for (size_t i = 0; i < count; i++) {
        write_record(recording.json, &ring->records[taken % CORO__RING_RECORDS]);
        atomic_store_explicit(&ring->taken, ++taken, memory_order_release);
    }
    return count != 0;
}

static struct coro__ring *first_ring(void)
{
    struct coro__ring *ring;

    pthread_mutex_lock(&lock);
    ring = recording.rings;
    pthread_mutex_unlock(&lock);
    return ring;
}

static void unlist(const struct coro__ring *ring)
{
    struct coro__ring **link = &recording.rings;

    pthread_mutex_lock(&lock);
    while (*link != ring)
        link = &(*link)->next;
    *link = ring->next;
    pthread_mutex_unlock(&lock);
}

/* Of one that will not be written to any more. */
static void end_ring(struct coro__ring *ring)
{
    recording.lost += atomic_load(&ring->lost);
    unlist(ring);
    coro__ring_drop(ring);
}

static void drain_all(bool last)
{
    struct coro__ring *next;

    for (struct coro__ring *ring = first_ring(); ring != NULL; ring = next) {
        bool left = atomic_load(&ring->left) || last;

        next = ring->next;
        drain(ring);
        if (left)
            end_ring(ring);
    }
    coro__json_flush(recording.json);
}

static void *record(void *unused)
{
    write_process(recording.json);
    for (unsigned known = 0; !atomic_load(&stopping); known = atomic_load(&hurries)) {
        take_a_nap(known);
        drain_all(false);
    }
    drain_all(true);
    return unused;
}

/* Signals are for the threads of the program. */
static int start_thread(void)
{
    sigset_t all, before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&recording.thread, NULL, record, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -err;
}

/* ---- begun and ended ---- */

static int start(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), err;

    if (fd < 0)
        return -errno;
    err = coro__json_create(&recording.json, fd);
    if (err != 0) {
        close(fd);
        return err;
    }
    recording.lost = recording.flows = 0;
    atomic_store(&last_track, 0);
    atomic_store(&stopping, false);
    err = start_thread();
    if (err != 0)
        coro__json_abandon(recording.json);
    return err;
}

int coro_trace_start(const char *path)
{
    int err = coro__inspect_refusal();

    if (err != 0)
        return err;
    if (path == NULL || path[0] == '\0')
        return -EINVAL;
    pthread_mutex_lock(&lock);
    err = recording.phase != IDLE ? -EBUSY : start(path);
    if (err == 0) {
        recording.phase = RECORDING;
        coro__sched_observe(&coro__trace_observer);
    }
    pthread_mutex_unlock(&lock);
    return err;
}

static void settle(struct coro_sched *s, struct coro__visit *visit)
{
    (void)visit;
    coro__trace_settle(s);
}

/* Whoever has not settled by now does not write any more. */
static void close_rings(void)
{
    pthread_mutex_lock(&lock);
    for (struct coro__ring *ring = recording.rings; ring != NULL; ring = ring->next)
        atomic_store(&ring->over, true);
    pthread_mutex_unlock(&lock);
}

static void say_what_was_lost(void)
{
    struct coro__text line = {0};

    if (recording.lost == 0)
        return;
    coro__text_add(&line, "libcoro: the timeline lacks ");
    coro__text_decimal(&line, recording.lost);
    coro__text_add(&line, recording.lost == 1 ? " turn" : " turns");
    coro__text_add(&line, ": they came faster than they could be written");
    coro__text_write(&line);
}

static int finish(void)
{
    struct coro__visit visit = {.see = settle};
    int err;

    coro__sched_observe(NULL);
    coro__registry_visit(&visit, CORO__INSPECT_PATIENCE);
    close_rings();
    atomic_store(&stopping, true);
    coro__timeline_hurry();
    pthread_join(recording.thread, NULL);
    err = coro__json_destroy(recording.json);
    say_what_was_lost();
    return err;
}

int coro_trace_stop(void)
{
    int err = coro__inspect_refusal();
    bool mine;

    if (err != 0)
        return err;
    pthread_mutex_lock(&lock);
    mine = recording.phase == RECORDING;
    if (mine)
        recording.phase = STOPPING;
    pthread_mutex_unlock(&lock);
    if (!mine)
        return -ESRCH;
    err = finish();
    pthread_mutex_lock(&lock);
    recording.phase = IDLE;
    pthread_mutex_unlock(&lock);
    return err;
}

/* In a forked child that is refused. */
static __attribute__((destructor)) void stop_at_exit(void)
{
    bool mine;

    pthread_mutex_lock(&lock);
    mine = recording.phase == RECORDING;
    pthread_mutex_unlock(&lock);
    if (mine)
        coro_trace_stop();
}

/* ---- a forked child ---- */

/* It has the file, the rings, and no thread. A ring stays as long as its scheduler, to which the task may go on that has forked. */
static void forget(void)
{
    if (recording.phase == IDLE)
        return;
    coro__sched_observe(NULL);
    for (struct coro__ring *ring = recording.rings, *next; ring != NULL; ring = next) {
        next = ring->next;
        atomic_store(&ring->over, true);
        coro__ring_drop(ring);
    }
    recording.rings = NULL;
    coro__json_abandon(recording.json);
    recording.phase = IDLE;
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&lock);
    coro__thread_on_rebirth(forget);
}

/* ---- from the environment ---- */

/* `%p` is the process. NULL: no memory. */
static char *path_of(const char *pattern)
{
    const char *mark = strstr(pattern, "%p");
    struct coro__text number = {0};
    size_t before = mark != NULL ? (size_t)(mark - pattern) : strlen(pattern);
    char *path = malloc(strlen(pattern) + sizeof "4294967295");

    if (path == NULL)
        return NULL;
    if (mark != NULL)
        coro__text_decimal(&number, (uint64_t)getpid());
    memcpy(path, pattern, before);
    memcpy(path + before, number.bytes, number.length);
    strcpy(path + before + number.length, mark != NULL ? mark + 2 : "");
    return path;
}

void coro__timeline_begin(const char *pattern)
{
    char *path = path_of(pattern);
    int err = path != NULL ? coro_trace_start(path) : -ENOMEM;

    if (err != 0)
        coro__report("CORO_TRACE: ", pattern, ": ", coro_strerror(err), NULL);
    free(path);
}
