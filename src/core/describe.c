/*
 * How reports call a coroutine: 'parser' (#12.3), which was number 12 of the process, in its third life after the first.
 */
#include "coroutine.h"

void coro__describe(struct coro__text *text, const struct coro *co)
{
    coro__text_add(text, "'");
    coro__text_add_first(text, co->name[0] != '\0' ? co->name : "(unnamed)", sizeof co->name);
    coro__text_add(text, "' (#");
    coro__text_decimal(text, co->number);
    if (coro__turn(co) != 0) {
        coro__text_add(text, ".");
        coro__text_decimal(text, coro__turn(co));
    }
    coro__text_add(text, ")");
}

void coro__describe_site(struct coro__text *text, const struct coro *co)
{
    coro__text_add(text, "created at ");
    coro__text_add(text, co->site != NULL ? co->site : "an unknown place (coro_create() was called through a pointer)");
}
