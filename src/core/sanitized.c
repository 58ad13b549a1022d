/*
 * Resume, yield and transfer in sanitized builds only: C functions that tell the sanitizer of each switch, around the assembly.
 *
 * AddressSanitizer and MemorySanitizer are told the bounds of the stack to come. ThreadSanitizer is told the fiber to come, and takes
 * the switch for an order of events: what was done before it is seen after it. Its note of calls changes with the fiber, so no
 * function that is noted at its beginning may switch fibers before its end: NO_TSAN.
 *
 * MemorySanitizer knows of the words that travel with a switch only what the last instrumented call on this thread has left in its
 * tables, and that was another one. So they also travel through memory (`passed`), where it keeps track of them, and those that the
 * assembly hands over are not looked at.
 */
#ifdef CORO_SANITIZED

#    include "base/sanitize.h"
#    include "context/context.h"
#    include "coroutine.h"

#    include <errno.h>

#    ifdef CORO__ASAN
#        include <sanitizer/common_interface_defs.h>
#        include <sanitizer/lsan_interface.h>
#    endif
#    ifdef CORO__TSAN
#        include <sanitizer/tsan_interface.h>
#    endif

#    if !defined(CORO__TSAN)
#        define NO_TSAN
#    elif defined(__clang__)
#        define NO_TSAN __attribute__((disable_sanitizer_instrumentation))
#    else
#        define NO_TSAN __attribute__((no_sanitize("thread")))
#    endif

coro_step coro__resume_raw(coro_t *co, void *input);
void *coro__yield_raw(void *output);
coro_step coro__transfer_raw(coro_t *to, void *value);

/* ---- a switch ---- */

NO_TSAN void coro__san_leave(struct coro__context *from, struct coro__context *to)
{
    to->left = from;
#    if defined(CORO__ASAN)
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_base, to->stack_size);
#    elif defined(CORO__MSAN)
    (void)from;
    __msan_start_switch_fiber(to->stack_base, to->stack_size);
#    elif defined(CORO__TSAN)
    if (from->fiber == NULL) /* a root */
        from->fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->fiber, 0);
#    endif
}

/* Without a place for its fake stack AddressSanitizer frees that. */
NO_TSAN void coro__san_leave_for_good(struct coro__context *from, struct coro__context *to)
{
#    ifdef CORO__ASAN
    to->left = from;
    __sanitizer_start_switch_fiber(NULL, to->stack_base, to->stack_size);
#    else
    coro__san_leave(from, to);
#    endif
}

/* Nobody has given the bounds of a thread's own stack: they are learnt when it is left for the first time. */
void coro__san_arrive(struct coro__context *at)
{
#    if defined(CORO__ASAN) || defined(CORO__MSAN)
    const void *low = NULL; /* MemorySanitizer does not see its runtime store */
    size_t size = 0;

#        ifdef CORO__ASAN
    __sanitizer_finish_switch_fiber(at->fake_stack, &low, &size);
#        else
    __msan_finish_switch_fiber(&low, &size);
#        endif
    if (at->left->stack_base == NULL) {
        at->left->stack_base = low;
        at->left->stack_size = size;
    }
#    else
    (void)at;
#    endif
}

void coro__san_forget(struct coro__context *at)
{
    coro__san_reuse((void *)at->stack_base, at->stack_size);
}

/* ---- the public three ---- */

/* A step that has come through the assembly. */
static coro_step arrived(struct coro__context *self, coro_step step)
{
    coro__san_reuse(&step, sizeof step);
    coro__san_arrive(self);
    return (coro_step){step.status, self->passed};
}

coro_step coro_resume(coro_t *co, void *input)
{
    struct coro__context *self = coro__thread_self()->current;
    int err = coro__resume_error(co);

    if (err != 0)
        return (coro_step){err, NULL};
    co->context.passed = input;
    coro__san_leave(self, &co->context);
    return arrived(self, coro__resume_raw(co, input));
}

void *coro_yield(void *output)
{
    struct coro__context *self = coro__thread_self()->current;

    if (coro__yield_error() != 0)
        return coro__yield_raw(output);
    self->resumer->passed = output;
    coro__san_leave(self, self->resumer);
    coro__yield_raw(output);
    coro__san_arrive(self);
    return self->passed;
}

coro_step coro_transfer(coro_t *to, void *value)
{
    struct coro__context *self = coro__thread_self()->current;

    if (coro__transfer_error(to) != 0)
        return coro__transfer_raw(to, value);
    to->context.passed = value;
    coro__san_leave(self, &to->context);
    return arrived(self, coro__transfer_raw(to, value));
}

/* ---- the scheduler's ---- */

int coro__switch_raw(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words);

static int switch_to(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words)
{
    to->passed = (void *)value;
    coro__switch_raw(from, to, value, words);
    coro__san_arrive(from);
    return (int)(intptr_t)from->passed;
}

int coro__switch(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words)
{
    if (to == from)
        return (int)value;
    coro__san_leave(from, to);
    return switch_to(from, to, value, words);
}

int coro__switch_for_good(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words)
{
    coro__san_leave_for_good(from, to);
    return switch_to(from, to, value, words);
}

/* ---- from the first line to the last ---- */

/* What every coroutine runs, between what must be said on arrival and on leaving for good. */
static NO_TSAN void *run(void *input)
{
    struct coro__context *self = coro__thread_self()->current;

    (void)input;
    coro__san_arrive(self);
    input = self->body(self->passed);
    if (self->at_end != NULL)
        coro__run_at_end(self);
    self->resumer->passed = input;
    coro__san_leave_for_good(self, self->resumer);
    return input;
}

void coro__san_create(struct coro__context *context, void *(*fn)(void *), size_t size)
{
    context->fn = run;
    context->body = fn;
    context->fake_stack = NULL;
    (void)size;
#    if defined(CORO__ASAN)
    __lsan_register_root_region(context->stack_base, size);
#    elif defined(CORO__TSAN)
    context->fiber = __tsan_create_fiber(0);
#    endif
}

void coro__san_destroy(struct coro__context *context, size_t size)
{
    (void)context, (void)size;
#    if defined(CORO__ASAN)
    __lsan_unregister_root_region(context->stack_base, size);
#    elif defined(CORO__TSAN)
    __tsan_destroy_fiber(context->fiber);
#    endif
}

void coro__san_name(struct coro__context *context, const char *name)
{
    (void)context, (void)name;
#    ifdef CORO__TSAN
    __tsan_set_fiber_name(context->fiber, name);
#    endif
}

#else

typedef int coro__nothing_to_sanitize; /* a file must declare something */

#endif
