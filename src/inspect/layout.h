/*
 * What a debugger has to know of the library's structures, for programs whose library comes without debugging information: names
 * and numbers, to be looked up by name. Read by tools/gdb/libcoro-gdb.py, and by nothing that runs; coro__places, in the assembly, leads
 * to it.
 */
#ifndef CORO_INSPECT_LAYOUT_H
#define CORO_INSPECT_LAYOUT_H

#include <stdint.h>

enum { CORO__LAYOUT_NAME = 28 };

struct coro__layout {
    char magic[16];
    uint32_t version, name_size;
    struct {
        char name[CORO__LAYOUT_NAME];
        uint32_t value;
    } entries[]; /* one without a name is the last */
};

extern const struct coro__layout coro__layout;

#endif
