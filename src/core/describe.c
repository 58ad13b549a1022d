/*
 * How reports call a coroutine: 'parser' (#12.3), which was number 12 of the process, in its third life after the first.
 */
#include "coroutine.h"

void coro__describe_as(struct coro__text *text, const char *name, uint64_t number, uint64_t turn)
{
    coro__text_add(text, "'");
    coro__text_add_first(text, name[0] != '\0' ? name : "(unnamed)", CORO__NAME_SIZE);
    coro__text_add(text, "' (#");
    coro__text_decimal(text, number);
    if (turn != 0) {
        coro__text_add(text, ".");
        coro__text_decimal(text, turn);
    }
    coro__text_add(text, ")");
}

void coro__describe(struct coro__text *text, const struct coro *co)
{
    coro__describe_as(text, co->name, co->number, coro__turn(co));
}

void coro__describe_site_as(struct coro__text *text, const char *site)
{
    coro__text_add(text, "created at ");
    coro__text_add(text, site != NULL ? site : "an unknown place (coro_create() was called through a pointer)");
}

void coro__describe_site(struct coro__text *text, const struct coro *co)
{
    coro__describe_site_as(text, co->site);
}
