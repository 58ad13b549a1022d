/*
 * How a coroutine ends other than by returning: unwound by coro_destroy(), or left by an exception, which goes on in its resumer or
 * is refused.
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
    coro__san_leave_for_good(context, context->resumer);
    coro__finish(context, NULL);
}

/* Asked before each frame is left. */
static CORO__CALLED_UNSEEN _Unwind_Reason_Code stop_at_first_frame(int version, _Unwind_Action actions,
                                                                   _Unwind_Exception_Class class,
                                                                   struct _Unwind_Exception *unwinding,
                                                                   struct _Unwind_Context *frame, void *context)
{
    uintptr_t pc = (uintptr_t)_Unwind_GetIP(frame);

    (void)version, (void)class, (void)unwinding;
    if ((actions & _UA_END_OF_STACK) != 0 || (pc >= (uintptr_t)coro__first_frame && pc < (uintptr_t)coro__run_at_end))
        end(context);
    return _URC_NO_REASON;
}

static CORO__CALLED_UNSEEN void swallowed(_Unwind_Reason_Code reason, struct _Unwind_Exception *unwinding)
{
    (void)reason, (void)unwinding;
    coro__panic(coro_name(coro_self()),
                "a `catch (...)` has swallowed the unwinding of coro_destroy(); it must `throw;` on");
}

CORO__CALLED_UNSEEN void coro__unwind(struct coro__context *context)
{
    struct _Unwind_Exception *unwinding = &coro__of_context(context)->unwinding;

    coro__san_arrive(context);
    coro__san_forget(context); /* frames that are dropped do not clear up */
    memset(unwinding, 0, sizeof *unwinding);
    memcpy(&unwinding->exception_class, "CORO\0\0\0", sizeof unwinding->exception_class);
    unwinding->exception_cleanup = swallowed;
    _Unwind_ForcedUnwind(unwinding, stop_at_first_frame, context);
    end(context); /* no unwind information to begin with */
}

/* ---- exceptions ---- */

/* The register in which the frames of the assembly that have the personality below keep their context, as DWARF numbers it. */
#if defined(__x86_64__)
enum { CONTEXT_REGISTER = 3 }; /* rbx */
#elif defined(__aarch64__)
enum { CONTEXT_REGISTER = 19 };
#endif

static bool forwards(const struct coro__context *context)
{
    return (context->flags & CORO_FLAG_FORWARD) != 0 && context->state == CORO_STATE_ENTERED;
}

/* What an unwinder asks when an exception has passed through all of the body, or leaves a handler that runs at the end. It asks
   twice: first it looks for somebody who catches, and there the exception may pass into the resumers or not at all. Then it runs
   cleanups on its way to who was found, but cannot itself get to the resumer's stack: it is made to land here and begin anew
   there. So an exception that nobody catches ends the program where it was thrown, with all frames still there to be seen. */
_Unwind_Reason_Code coro__personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                      struct _Unwind_Exception *exception, struct _Unwind_Context *frame);

CORO__CALLED_UNSEEN _Unwind_Reason_Code coro__personality(int version, _Unwind_Action actions,
                                                          _Unwind_Exception_Class class,
                                                          struct _Unwind_Exception *exception,
                                                          struct _Unwind_Context *frame)
{
    struct coro__context *context = (struct coro__context *)(uintptr_t)_Unwind_GetGR(frame, CONTEXT_REGISTER);

    (void)version, (void)class;
    if ((actions & _UA_FORCE_UNWIND) != 0)
        return _URC_CONTINUE_UNWIND; /* the thread exits, and everything on it */
    if ((actions & _UA_SEARCH_PHASE) == 0) {
        _Unwind_SetGR(frame, __builtin_eh_return_data_regno(0), (uintptr_t)exception);
        _Unwind_SetIP(frame, (uintptr_t)coro__forward_landing);
        return _URC_INSTALL_CONTEXT;
    }
    if (forwards(context))
        return _URC_CONTINUE_UNWIND;
    coro__report("coroutine '", coro__of_context(context)->name,
                 context->state == CORO_STATE_ENDING ? "': an exception leaves what runs at its end"
                                                     : "': an exception leaves its body, where nobody can catch it",
                 NULL);
    return _URC_FATAL_PHASE1_ERROR; /* C++ then calls std::terminate(), which says what was thrown */
}

/* The body is gone, by an exception that a resumer catches. */
CORO__CALLED_UNSEEN void coro__forward(struct coro__context *context, struct _Unwind_Exception *exception)
{
    if (context->at_end != NULL)
        coro__run_at_end(context);
    /* it is in flight there now, if anybody counts */
    context->resumer->exceptions.uncaught += context->exceptions.uncaught;
    context->exceptions.caught = NULL; /* dropped with the catch block that it left */
    context->exceptions.uncaught = 0;
    coro__san_leave_for_good(context, context->resumer);
    coro__finish_by_exception(context, exception);
}

CORO__CALLED_UNSEEN void coro__raise(struct _Unwind_Exception *exception)
{
    coro__san_arrive(coro__thread_self()->current);
    _Unwind_RaiseException(exception);
    coro__panic("", "nobody catches the exception any more that has left a coroutine resumed here");
}
