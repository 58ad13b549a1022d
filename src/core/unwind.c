/*
 * How a coroutine ends other than by returning: unwound by coro_destroy(), or left by an exception, which is refused.
 *
 * Unwinding is what pthread_cancel() does: a forced unwind, which runs the cleanups of every frame and stops for no catch
 * clause. It runs on the coroutine's own stack, called as it were from where the coroutine is suspended, and ends at the first
 * frame, where the assembly switches away for good.
 */
#include "base/panic.h"
#include "base/sanitize.h"
#include "context/context.h"
#include "coroutine.h"

#include <string.h>

static _Noreturn void end(struct coro__context *context)
{
    if (context->at_end != NULL)
        coro__run_at_end(context);
    coro__san_leave(NULL, context->resumer);
    coro__finish(context, NULL);
}

/* Asked before each frame is left. */
static _Unwind_Reason_Code stop_at_first_frame(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                               struct _Unwind_Exception *unwinding, struct _Unwind_Context *frame,
                                               void *context)
{
    uintptr_t pc = (uintptr_t)_Unwind_GetIP(frame);

    (void)version, (void)class, (void)unwinding;
    if ((actions & _UA_END_OF_STACK) != 0 || (pc >= (uintptr_t)coro__first_frame && pc < (uintptr_t)coro__finish))
        end(context);
    return _URC_NO_REASON;
}

static void swallowed(_Unwind_Reason_Code reason, struct _Unwind_Exception *unwinding)
{
    (void)reason, (void)unwinding;
    coro__panic(coro_name(coro_self()),
                "a `catch (...)` has swallowed the unwinding of coro_destroy(); it must `throw;` on");
}

void coro__unwind(struct coro__context *context)
{
    struct _Unwind_Exception *unwinding = &coro__of_context(context)->unwinding;

    coro__san_arrive(context->fake_stack, context->resumer);
    memset(unwinding, 0, sizeof *unwinding);
    memcpy(&unwinding->exception_class, "CORO\0\0\0", sizeof unwinding->exception_class);
    unwinding->exception_cleanup = swallowed;
    _Unwind_ForcedUnwind(unwinding, stop_at_first_frame, context);
    end(context); /* no unwind information to begin with */
}

/* The personality of the first frame: what an unwinder asks when an exception has passed through all of the body. Were it let
   through, it would be caught on another stack, by code that believes the coroutine still runs. */
_Unwind_Reason_Code coro__personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                      struct _Unwind_Exception *exception, struct _Unwind_Context *frame);

_Unwind_Reason_Code coro__personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                      struct _Unwind_Exception *exception, struct _Unwind_Context *frame)
{
    (void)version, (void)class, (void)exception, (void)frame;
    if ((actions & _UA_SEARCH_PHASE) == 0)
        return _URC_CONTINUE_UNWIND; /* the thread exits, and everything on it */
    coro__report("coroutine '", coro_name(coro_self()), "': an exception leaves its body, where nobody can catch it",
                 NULL);
    return _URC_FATAL_PHASE1_ERROR; /* C++ then calls std::terminate(), which says what was thrown */
}
