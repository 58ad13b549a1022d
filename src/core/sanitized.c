/*
 * Resume, yield and transfer in sanitized builds only: C functions that tell AddressSanitizer of each switch, around the
 * assembly. The sanitizer keeps track of the bounds of the stack in use and of its fake stack; both change at a switch.
 */
#ifdef CORO_SANITIZED

#    include "base/sanitize.h"
#    include "context/context.h"
#    include "coroutine.h"

#    include <errno.h>

coro_step coro__resume_raw(coro_t *co, void *input);
void *coro__yield_raw(void *output);
coro_step coro__transfer_raw(coro_t *to, void *value);

coro_step coro_resume(coro_t *co, void *input)
{
    struct coro__context *self = coro__thread_self()->current;
    coro_step step;
    int err = coro__resume_error(co);

    if (err != 0)
        return (coro_step){err, NULL};
    coro__san_leave(&self->fake_stack, &co->context);
    step = coro__resume_raw(co, input);
    coro__san_arrive(self->fake_stack, NULL);
    return step;
}

void *coro_yield(void *output)
{
    struct coro__context *self = coro__thread_self()->current;
    void *input;

    if (coro__yield_error() != 0)
        return coro__yield_raw(output);
    coro__san_leave(&self->fake_stack, self->resumer);
    input = coro__yield_raw(output);
    coro__san_arrive(self->fake_stack, NULL);
    return input;
}

coro_step coro_transfer(coro_t *to, void *value)
{
    struct coro__context *self = coro__thread_self()->current;
    coro_step step;

    if (coro__transfer_error(to) != 0)
        return coro__transfer_raw(to, value);
    coro__san_leave(&self->fake_stack, &to->context);
    step = coro__transfer_raw(to, value);
    coro__san_arrive(self->fake_stack, NULL);
    return step;
}

void *coro__sanitized_body(void *input)
{
    struct coro__context *self = coro__thread_self()->current;
    coro_fn *body = (coro_fn *)self->fake_stack;
    void *value;

    coro__san_arrive(NULL, self->resumer);
    value = body(input);
    if (self->at_end != NULL)
        coro__run_at_end(self);
    coro__san_leave(NULL, self->resumer);
    return value;
}

#else

typedef int coro__nothing_to_sanitize; /* a file must declare something */

#endif
