/*
 * A doubly linked ring with a head. May lie in storage that users see as something else, hence may_alias.
 */
#ifndef CORO_BASE_LIST_H
#define CORO_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct __attribute__((may_alias)) coro__list {
    struct coro__list *next, *prev;
};

/* What a link is part of. */
#define CORO__OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void coro__list_init(struct coro__list *list)
{
    list->next = list->prev = list;
}

static inline bool coro__list_empty(const struct coro__list *list)
{
    return list->next == list;
}

/* `link` comes before `place`; before the head is last. */
static inline void coro__list_insert(struct coro__list *place, struct coro__list *link)
{
    link->next = place;
    link->prev = place->prev;
    place->prev->next = link;
    place->prev = link;
}

static inline void coro__list_remove(struct coro__list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

#endif
