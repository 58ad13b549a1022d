/*
 * For musl-gcc alone: it links with the runtime of a gcc that was built for glibc, and that asks glibc for the tables of unwinding. A
 * compiler that was built for musl needs nothing of this.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>

struct found { /* struct dl_find_object of glibc 2.35 */
    unsigned long long flags;
    void *begin, *end;
    void *link_map;
    void *eh_frame_header;
    unsigned long long reserved[7];
};

struct search {
    uintptr_t address;
    struct found found;
};

static int look(struct dl_phdr_info *object, size_t size, void *arg)
{
    struct search *search = arg;
    struct found found = {0};

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        char *begin = (char *)object->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && search->address - (uintptr_t)begin < part->p_memsz) {
            found.begin = begin;
            found.end = begin + part->p_memsz;
        } else if (part->p_type == PT_GNU_EH_FRAME) {
            found.eh_frame_header = begin;
        }
    }
    if (found.begin == NULL || found.eh_frame_header == NULL)
        return 0;
    search->found = found;
    return 1;
}

int _dl_find_object(void *address, struct found *found);

int _dl_find_object(void *address, struct found *found)
{
    struct search search = {.address = (uintptr_t)address};

    if (dl_iterate_phdr(look, &search) == 0)
        return -1;
    *found = search.found;
    return 0;
}
