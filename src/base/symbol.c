/*
 * Function names without dladdr(), which knows exported ones only, and without the heap, so that a signal handler may ask.
 *
 * dl_iterate_phdr() says which file an address belongs to. It takes a lock of the dynamic linker's: a recursive one, so a fault
 * amid dlopen() does not hang here. Then the file is mapped and its symbol table searched from end to end, since it is not sorted;
 * that is slow, and nobody minds in a program that is about to die. Nothing in the file is believed: it may be another one by now.
 *
 * The program itself is /proc/self/exe; but under valgrind that is valgrind, and the kernel's word for what was executed is right.
 */
#include "symbol.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct module {
    uintptr_t address; /* what is looked for */
    uintptr_t bias;
    const char *path; /* NULL until it is found, "" for the program itself */
};

static int holds_address(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct module *module = arg;

    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type != PT_LOAD || module->address - info->dlpi_addr - segment->p_vaddr >= segment->p_memsz)
            continue;
        module->bias = info->dlpi_addr;
        module->path = info->dlpi_name;
        return 1;
    }
    return 0;
}

struct image {
    const char *bytes;
    size_t size;
};

static bool map_file(const char *path, struct image *out)
{
    struct stat status;
    void *p = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        out->size = (size_t)status.st_size;
        p = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    out->bytes = p;
    return p != MAP_FAILED;
}

static void unmap(const struct image *image)
{
    munmap((void *)(uintptr_t)image->bytes, image->size);
}

/* `count` things of `size` bytes at `offset`, or NULL if they are not all in there. */
static const void *part(const struct image *image, uint64_t offset, uint64_t count, size_t size)
{
    if (offset > image->size || count > (image->size - offset) / size || offset % _Alignof(uint64_t) != 0)
        return NULL;
    return image->bytes + offset;
}

static void search_table(const struct image *image, const ElfW(Shdr) * table, const ElfW(Shdr) * names,
                         uintptr_t address, struct coro__symbol *out)
{
    uint64_t count = table->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *symbol = part(image, table->sh_offset, count, sizeof *symbol);

    if (symbol == NULL || names->sh_offset > image->size || names->sh_size > image->size - names->sh_offset)
        return;
    for (; count > 0; count--, symbol++) {
        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
            address - symbol->st_value >= symbol->st_size || symbol->st_name >= names->sh_size)
            continue;
        const char *name = image->bytes + names->sh_offset + symbol->st_name;
        size_t length = strnlen(name, names->sh_size - symbol->st_name);
        length = length < sizeof out->name - 1 ? length : sizeof out->name - 1;
        memcpy(out->name, name, length);
        out->name[length] = '\0';
        out->offset = address - symbol->st_value;
        return;
    }
}

/* The full table if there is one, else that of what is exported. */
static void search_image(const struct image *image, uintptr_t address, struct coro__symbol *out)
{
    static const uint32_t kinds[] = {SHT_SYMTAB, SHT_DYNSYM};
    const ElfW(Ehdr) *header = part(image, 0, 1, sizeof *header);
    const ElfW(Shdr) * sections;

    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof *sections)
        return;
    sections = part(image, header->e_shoff, header->e_shnum, sizeof *sections);
    for (size_t kind = 0; sections != NULL && kind < 2 && out->name[0] == '\0'; kind++)
        for (size_t i = 0; i < header->e_shnum; i++)
            if (sections[i].sh_type == kinds[kind] && sections[i].sh_link < header->e_shnum)
                search_table(image, &sections[i], &sections[sections[i].sh_link], address, out);
}

static bool map_program(uintptr_t bias, struct image *out)
{
    const char *const paths[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN)};

    for (size_t i = 0; i < 2; i++) {
        const ElfW(Ehdr) * header;

        if (paths[i] == NULL || !map_file(paths[i], out))
            continue;
        header = part(out, 0, 1, sizeof *header);
        if (header != NULL && header->e_entry + bias == getauxval(AT_ENTRY))
            return true;
        unmap(out);
    }
    return false;
}

static void set_file(struct coro__symbol *symbol, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    memcpy(symbol->file, name, strnlen(name, sizeof symbol->file - 1));
}

void coro__symbol_at(uintptr_t address, struct coro__symbol *out)
{
    struct module module = {.address = address};
    struct image image;
    bool mapped;

    *out = (struct coro__symbol){0};
    dl_iterate_phdr(holds_address, &module);
    if (module.path == NULL)
        return;
    out->file_address = address - module.bias;
    set_file(out, module.path[0] != '\0' ? module.path : program_invocation_name);
    mapped = module.path[0] != '\0' ? map_file(module.path, &image) : map_program(module.bias, &image);
    if (!mapped)
        return;
    search_image(&image, address - module.bias, out);
    unmap(&image);
}
