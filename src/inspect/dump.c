/*
 * coro_dump(): the tasks of each scheduler, alike ones together.
 *
 * What is written is one line at a time, each by one write(2). The table of groups is one for the process, and of a fixed size: with
 * more kinds of tasks than it has rows, the rest is counted.
 */
#include "inspect.h"

#include "base/clock.h"
#include "sched/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS_MOST = 64, EXAMPLES = 3 };
#define ROLL_MOST ((uint64_t)1 << 20) /* among more tasks, cycles are not looked for */

struct group {
    enum coro__inspect_state state;
    const char *site, *reason, *wait_site;
    bool fresh;
    size_t count;
    int64_t first, last; /* of when they began to wait */
    struct coro_task *examples[EXAMPLES];
};

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static struct group groups[GROUPS_MOST];
static size_t group_count;

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&writing);
}

/* ---- groups ---- */

static const char *site_of(const struct coro_task *task)
{
    if (task->stackless)
        return task->light || task->site == NULL ? task->type->site : task->site;
    return task->co != NULL ? task->co->site : task->site;
}

static bool has_begun(const struct coro_task *task)
{
    if (task->stackless)
        return coro__async_has_begun(task);
    return task->co != NULL && (task->co->context.state & CORO_STATE_FRESH) == 0;
}

static struct group group_of(struct coro_task *task, enum coro__inspect_state state)
{
    struct group group = {.state = state, .site = site_of(task), .count = 1, .examples = {task}};

    group.fresh = state == CORO__TASK_READY && !has_begun(task);
    if (state == CORO__TASK_WAITS) {
        group.reason = coro__inspect_reason(task);
        group.wait_site = task->light ? NULL : task->waiter.site;
        group.first = group.last = task->light ? INT64_MIN : task->waiter.since;
    }
    return group;
}

/* Each file that calls from a line has the text of its own. */
static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool alike(const struct group *a, const struct group *b)
{
    return a->state == b->state && a->fresh == b->fresh && a->reason == b->reason && same_text(a->site, b->site) &&
           same_text(a->wait_site, b->wait_site);
}

static void join(struct group *group, const struct group *one)
{
    if (group->count < EXAMPLES)
        group->examples[group->count] = one->examples[0];
    group->count++;
    if (one->first < group->first)
        group->first = one->first;
    if (one->last > group->last)
        group->last = one->last;
}

/* False if there is no row for it. */
static bool add(const struct group *one)
{
    size_t i = 0;

    while (i < group_count && !alike(&groups[i], one))
        i++;
    if (i < group_count)
        join(&groups[i], one);
    else if (group_count < GROUPS_MOST)
        groups[group_count++] = *one;
    else
        return false;
    return true;
}

/* ---- written ---- */

/* One that writes to `fd`, and remembers what became of that. */
struct dump {
    struct coro__visit visit;
    int fd, err;
    size_t seen; /* schedulers */
};

static void write_line(struct dump *dump, struct coro__text *line)
{
    int err = coro__text_write_to(line, dump->fd);

    if (dump->err == 0)
        dump->err = err;
}

static void add_count(struct coro__text *line, size_t count, const char *what)
{
    coro__text_decimal(line, count);
    coro__text_add(line, what);
}

static void add_scheduler(struct coro__text *line, const struct coro__place *place)
{
    coro__text_add(line, "libcoro: scheduler ");
    coro__text_decimal(line, atomic_load(&place->number));
    coro__text_add(line, " of thread ");
    coro__text_decimal(line, (uint64_t)atomic_load(&place->thread));
}

struct totals {
    size_t of[CORO__TASK_ENDED + 1];
    size_t unlisted;
};

static void write_head(struct dump *dump, const struct coro_sched *s, const struct totals *totals)
{
    struct coro__text line = {0};
    size_t live = coro__sched_live(s);

    add_scheduler(&line, s->place);
    coro__text_add(&line, ": ");
    add_count(&line, live, live == 1 ? " task: " : " tasks: ");
    add_count(&line, totals->of[CORO__TASK_RUNS], " running, ");
    add_count(&line, totals->of[CORO__TASK_READY], " ready, ");
    add_count(&line, totals->of[CORO__TASK_WAITS], " waiting");
    if (totals->of[CORO__TASK_ENDED] != 0) {
        coro__text_add(&line, "; ");
        add_count(&line, totals->of[CORO__TASK_ENDED], " have ended, and are to be joined");
    }
    write_line(dump, &line);
}

static void add_state(struct coro__text *line, const struct group *group)
{
    static const char *const words[] = {[CORO__TASK_RUNS] = "running", [CORO__TASK_READY] = "ready"};

    if (group->state != CORO__TASK_WAITS) {
        coro__text_add(line, group->fresh ? "ready to begin" : words[group->state]);
        return;
    }
    coro__text_add(line, "waiting ");
    coro__text_add(line, group->reason);
    if (group->wait_site != NULL) {
        coro__text_add(line, ", at ");
        coro__text_add(line, group->wait_site);
    }
}

static void write_group_head(struct dump *dump, const struct group *group, int64_t now)
{
    struct coro__text line = {0};

    coro__text_add(&line, "  ");
    add_count(&line, group->count, group->count == 1 ? " task " : " tasks ");
    add_state(&line, group);
    if (group->state == CORO__TASK_WAITS && group->first != INT64_MIN && group->count > 1) {
        coro__text_add(&line, ", for ");
        coro__report_duration(&line, now - group->last);
        coro__text_add(&line, " to ");
        coro__report_duration(&line, now - group->first);
    }
    coro__text_add(&line, ", ");
    coro__report_site(&line, group->examples[0]);
    write_line(dump, &line);
}

static void add_blocker(struct coro__text *line, const struct coro__roll *roll, const struct coro_task *task)
{
    struct coro_task *blocker = coro__report_blocker(roll, task, NULL);

    if (blocker == NULL)
        return;
    coro__text_add(line, ", on ");
    coro__report_name(line, blocker);
    if (coro__report_blocker(roll, task, blocker) != NULL)
        coro__text_add(line, " and others");
}

static void write_example(struct dump *dump, const struct coro__roll *roll, const struct group *group,
                          const struct coro_task *task, int64_t now)
{
    struct coro__text line = {0};

    coro__text_add(&line, "      ");
    coro__report_name(&line, task);
    if (group->state == CORO__TASK_WAITS && !task->light) {
        coro__text_add(&line, ", since ");
        coro__report_duration(&line, now - task->waiter.since);
        add_blocker(&line, roll, task);
    }
    if (!task->stackless && task->co != NULL) {
        coro__text_add(&line, ", has used ");
        add_count(&line, coro_stack_used(task->co), " of ");
        add_count(&line, coro_stack_size(task->co), " bytes of stack");
    } else if (task->stackless) {
        coro__text_add(&line, ", ");
        coro__text_hex(&line, (uintptr_t)task);
    }
    write_line(dump, &line);
}

static void write_group(struct dump *dump, const struct coro__roll *roll, const struct group *group, int64_t now)
{
    size_t examples = group->count < EXAMPLES ? group->count : EXAMPLES;
    struct coro__text line = {0};

    write_group_head(dump, group, now);
    for (size_t i = 0; i < examples; i++)
        write_example(dump, roll, group, group->examples[i], now);
    if (group->count == examples)
        return;
    coro__text_add(&line, "      and ");
    add_count(&line, group->count - examples, " more");
    write_line(dump, &line);
}

static void write_unlisted(struct dump *dump, size_t count)
{
    struct coro__text line = {0};

    coro__text_add(&line, "  and ");
    add_count(&line, count, count == 1 ? " task that is unlike these" : " tasks that are unlike these");
    write_line(dump, &line);
}

static int64_t time_of(const struct coro_sched *s)
{
    return s->virtual_time ? s->now : coro__real_now();
}

/* ---- dumped ---- */

static struct totals survey(struct coro_sched *s)
{
    const struct coro_task *running = coro__task_running();
    struct totals totals = {{0}, 0};

    group_count = 0;
    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next) {
        struct coro_task *task = coro__task_at(link);
        enum coro__inspect_state state = coro__inspect_task(task, running);
        struct group one;

        totals.of[state]++;
        if (state == CORO__TASK_ENDED)
            continue;
        one = group_of(task, state);
        totals.unlisted += !add(&one);
    }
    return totals;
}

static void see(struct coro_sched *s, struct coro__visit *visit)
{
    struct dump *dump = CORO__OWNER(visit, struct dump, visit);
    int64_t now = time_of(s);
    struct coro__roll roll = {NULL, 0};
    struct totals totals;

    pthread_mutex_lock(&writing);
    dump->seen++;
    totals = survey(s);
    if (coro__sched_live(s) <= ROLL_MOST)
        roll = coro__roll_call(s);
    write_head(dump, s, &totals);
    for (size_t i = 0; i < group_count; i++)
        write_group(dump, &roll, &groups[i], now);
    if (totals.unlisted != 0)
        write_unlisted(dump, totals.unlisted);
    if (roll.tasks != NULL) {
        int err = coro__report_cycles(&roll, s, dump->fd);

        if (dump->err == 0)
            dump->err = err;
    }
    free(roll.tasks);
    pthread_mutex_unlock(&writing);
}

static void missed(const struct coro__place *place, struct coro__visit *visit)
{
    struct dump *dump = CORO__OWNER(visit, struct dump, visit);
    struct coro__text line = {0};

    dump->seen++;
    add_scheduler(&line, place);
    coro__text_add(&line, ": a task of it keeps the thread, or nobody runs it");
    write_line(dump, &line);
}

int coro_dump(int fd)
{
    struct dump dump = {.visit = {.see = see, .missed = missed}, .fd = fd};
    int err = coro__inspect_refusal();

    if (err != 0)
        return err;
    coro__registry_visit(&dump.visit, CORO__INSPECT_PATIENCE);
    if (dump.seen == 0) {
        struct coro__text line = {0};

        coro__text_add(&line, "libcoro: no scheduler");
        write_line(&dump, &line);
    }
    return dump.err;
}

void coro__dump_here(struct coro_sched *s)
{
    struct dump dump = {.fd = STDERR_FILENO};

    see(s, &dump.visit);
}
