/*
 * What a scheduler says about its tasks on standard error: those that wait for good, and those that nobody has looked after.
 */
#include "report.h"

#include "async.h"

#include <stdlib.h>
#include <unistd.h>

enum { LINES_MOST = 50 };

static struct coro_task *task_at(struct coro__list *link)
{
    return CORO__OWNER(link, struct coro_task, in_sched);
}

/* A stackless task has no name but that of its body, and one that has no coroutine yet none at all. */
void coro__report_name(struct coro__text *line, const struct coro_task *task)
{
    if (!task->stackless && task->co != NULL) {
        coro__describe(line, task->co);
        return;
    }
    if (!task->stackless && task->ended) {
        coro__describe_as(line, task->name, task->number, task->turn);
        return;
    }
    coro__text_add(line, "'");
    coro__text_add(line, task->stackless ? task->type->name : "(unnamed)");
    coro__text_add(line, "'");
}

void coro__report_site(struct coro__text *line, const struct coro_task *task)
{
    if (!task->stackless) {
        coro__describe_site_as(line, task->co != NULL ? task->co->site : task->site);
        return;
    }
    coro__text_add(line, "stackless, ");
    if (task->light || task->site == NULL) {
        coro__text_add(line, "of ");
        coro__text_add(line, task->type->site);
    } else {
        coro__describe_site_as(line, task->site);
    }
}

/* "1.250 s" */
void coro__report_duration(struct coro__text *line, int64_t ns)
{
    uint64_t ms = (uint64_t)(ns > 0 ? ns : 0) / 1000000;

    coro__text_decimal(line, ms / 1000);
    coro__text_add(line, ".");
    for (uint64_t digit = 100; digit > 1 && ms % 1000 < digit; digit /= 10)
        coro__text_add(line, "0");
    coro__text_decimal(line, ms % 1000);
    coro__text_add(line, " s");
}

/* ---- deadlock ---- */

static int compare(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;

    return (left > right) - (left < right);
}

struct coro__roll coro__roll_call(struct coro_sched *s)
{
    struct coro__roll roll = {NULL, 0};
    size_t count = 0;

    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next)
        count++;
    roll.tasks = malloc(count * sizeof *roll.tasks);
    if (roll.tasks == NULL)
        return roll;
    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next)
        roll.tasks[roll.count++] = (uintptr_t)task_at(link);
    qsort(roll.tasks, count, sizeof *roll.tasks, compare);
    return roll;
}

static bool is_on(const struct coro__roll *roll, const struct coro_task *task)
{
    uintptr_t key = (uintptr_t)task;

    return roll->count != 0 && bsearch(&key, roll->tasks, roll->count, sizeof key, compare) != NULL;
}

/* As the kind of the waiter says, as far as they are there. */
struct coro_task *coro__report_blocker(const struct coro__roll *roll, const struct coro_task *task,
                                       struct coro_task *last)
{
    const struct coro__waiter *waiter = &task->waiter;
    struct coro_task *blocker;

    if (task->ended || task->light || waiter->state == CORO__WOKEN || waiter->kind->blocker == NULL)
        return NULL;
    blocker = waiter->kind->blocker(waiter, last);
    return blocker != NULL && is_on(roll, blocker) ? blocker : NULL;
}

static void write_task(const struct coro__roll *roll, const struct coro_task *task)
{
    const struct coro__waiter *waiter = &task->waiter;
    struct coro_task *blocker = coro__report_blocker(roll, task, NULL);
    struct coro__text line = {0};

    coro__text_add(&line, "    ");
    coro__report_name(&line, task);
    coro__text_add(&line, ", ");
    coro__report_site(&line, task);
    coro__text_add(&line, ", waits ");
    if (task->light) {
        coro__text_add(&line, "for time to pass");
        coro__text_write(&line);
        return;
    }
    coro__text_add(&line, waiter->kind->what);
    if (blocker != NULL) {
        coro__text_add(&line, ": ");
        coro__report_name(&line, blocker);
        if (coro__report_blocker(roll, task, blocker) != NULL)
            coro__text_add(&line, " and others");
    }
    coro__text_add(&line, ", since ");
    coro__report_duration(&line, coro_now() - waiter->since);
    if (waiter->site != NULL) {
        coro__text_add(&line, ", at ");
        coro__text_add(&line, waiter->site);
    }
    coro__text_write(&line);
}

/* Can it wait for a task? */
static bool is_open(const struct coro_task *task)
{
    return !task->ended && !task->light;
}

/* Follow first blockers from `start`, marking with `mark`: the task where the way comes back to itself, or NULL. */
static struct coro_task *find_cycle(const struct coro__roll *roll, struct coro_task *start, uint64_t mark)
{
    struct coro_task *task = start;

    while (task != NULL && is_open(task) && task->number == 0) {
        task->number = mark;
        task = coro__report_blocker(roll, task, NULL);
    }
    return task != NULL && is_open(task) && task->number == mark ? task : NULL;
}

static int write_cycle(const struct coro__roll *roll, struct coro_task *first, int fd)
{
    struct coro__text line = {0};
    struct coro_task *task = first;

    coro__text_add(&line, "libcoro: a cycle: ");
    do {
        coro__report_name(&line, task);
        coro__text_add(&line, " waits for ");
        task = coro__report_blocker(roll, task, NULL);
    } while (task != first && line.length < CORO__TEXT_BYTES);
    coro__report_name(&line, first);
    return coro__text_write_to(&line, fd);
}

/* `number` is not in use while a task lives: where the search has been. */
int coro__report_cycles(const struct coro__roll *roll, struct coro_sched *s, int fd)
{
    uint64_t mark = 0;
    int err = 0;

    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next) {
        struct coro_task *found = find_cycle(roll, task_at(link), ++mark);

        if (found != NULL && err == 0)
            err = write_cycle(roll, found, fd);
    }
    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next)
        if (is_open(task_at(link)))
            task_at(link)->number = 0;
    return err;
}

void coro__report_deadlock(struct coro_sched *s)
{
    struct coro__text line = {0};
    struct coro__roll roll = coro__roll_call(s);
    size_t written = 0;

    coro__text_add(&line, "libcoro: deadlock: nothing can wake the ");
    coro__text_decimal(&line, coro__sched_live(s));
    coro__text_add(&line, coro__sched_live(s) == 1 ? " task that is left:" : " tasks that are left:");
    coro__text_write(&line);
    for (struct coro__list *link = s->tasks.next; link != &s->tasks && written < LINES_MOST; link = link->next) {
        if (task_at(link)->ended)
            continue;
        write_task(&roll, task_at(link));
        written++;
    }
    if (written < coro__sched_live(s)) {
        coro__text_add(&line, "    and ");
        coro__text_decimal(&line, coro__sched_live(s) - written);
        coro__text_add(&line, " more");
        coro__text_write(&line);
    }
    coro__report_cycles(&roll, s, STDERR_FILENO);
    free(roll.tasks);
}

/* ---- left over ---- */

static void write_task_that(const struct coro_task *task, const char *what)
{
    struct coro__text line = {0};

    coro__text_add(&line, what);
    coro__report_name(&line, task);
    coro__text_add(&line, ", ");
    coro__report_site(&line, task);
    coro__text_write(&line);
}

static bool has_begun(const struct coro_task *task)
{
    if (task->stackless)
        return coro__async_has_begun(task);
    return task->co != NULL && (task->co->context.state & CORO_STATE_FRESH) == 0;
}

void coro__report_unfinished(struct coro_sched *s)
{
    size_t written = 0;

    for (struct coro__list *link = s->tasks.next; link != &s->tasks && written < LINES_MOST; link = link->next) {
        const struct coro_task *task = task_at(link);

        if (task->ended)
            write_task_that(task, "libcoro: nobody has joined or detached task ");
        else if (!has_begun(task))
            write_task_that(task, "libcoro: never run: task ");
        else
            continue;
        written++;
    }
}
