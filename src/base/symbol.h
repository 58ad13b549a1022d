/*
 * Which function an address belongs to.
 */
#ifndef CORO_BASE_SYMBOL_H
#define CORO_BASE_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

/* What is not known is empty. Longer names are cut off. */
struct coro__symbol {
    char name[96];
    uintptr_t offset; /* of the address in the function */
    char file[48];    /* the program or library, without its directories */
    uintptr_t file_address;
};

/* Look an address up in the symbol table of the file that it was loaded from: static functions are found as well, and nothing
   needs to be exported; a stripped file still gives what it exports. */
void coro__symbol_at(uintptr_t address, struct coro__symbol *out);

#endif
