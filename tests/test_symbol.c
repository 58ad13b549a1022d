/*
 * Names of functions out of files that are not what they should be: by the time of a crash a program's file may have been replaced,
 * cut off or removed, and whoever reads it must not crash once more.
 *
 * What the dynamic linker says is made up (dl_iterate_phdr() comes here first): that a file which the test has just written is
 * mapped at BIAS.
 */
#include "base/symbol.h"
#include "support/faults.h"
#include "support/test.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BIAS = 0x40000000, MAPPED = 0x10000 };

/* ---- the dynamic linker ---- */

static const char *file_there; /* NULL: as it is */

int __real_dl_iterate_phdr(int (*fn)(struct dl_phdr_info *, size_t, void *), void *arg);
int __wrap_dl_iterate_phdr(int (*fn)(struct dl_phdr_info *, size_t, void *), void *arg);

int __wrap_dl_iterate_phdr(int (*fn)(struct dl_phdr_info *, size_t, void *), void *arg)
{
    static const ElfW(Phdr) segments[] = {{.p_type = PT_NOTE, .p_memsz = MAPPED},
                                          {.p_type = PT_LOAD, .p_memsz = MAPPED / 2},
                                          {.p_type = PT_LOAD, .p_vaddr = MAPPED / 2, .p_memsz = MAPPED / 2}};
    struct dl_phdr_info info = {.dlpi_addr = BIAS, .dlpi_name = file_there, .dlpi_phdr = segments, .dlpi_phnum = 3};

    return file_there == NULL ? __real_dl_iterate_phdr(fn, arg) : fn(&info, sizeof info, arg);
}

/* ---- a file ---- */

enum { NULL_SECTION, SYMTAB, STRTAB, DYNSYM, DYNSTR, SECTIONS };
enum { SYMBOLS = 5 };

static const struct image {
    ElfW(Ehdr) header;
    ElfW(Shdr) section[SECTIONS];
    ElfW(Sym) symbol[SYMBOLS], exported[1];
    char names[32], exported_names[16];
} good = {
    .header = {.e_ident = ELFMAG,
               .e_shoff = offsetof(struct image, section),
               .e_shnum = SECTIONS,
               .e_shentsize = sizeof(ElfW(Shdr))},
    .section = {[SYMTAB] = {.sh_type = SHT_SYMTAB,
                            .sh_offset = offsetof(struct image, symbol),
                            .sh_size = sizeof good.symbol,
                            .sh_link = STRTAB},
                [STRTAB] = {.sh_type = SHT_STRTAB,
                            .sh_offset = offsetof(struct image, names),
                            .sh_size = sizeof good.names},
                [DYNSYM] = {.sh_type = SHT_DYNSYM,
                            .sh_offset = offsetof(struct image, exported),
                            .sh_size = sizeof good.exported,
                            .sh_link = DYNSTR},
                [DYNSTR] = {.sh_type = SHT_STRTAB,
                            .sh_offset = offsetof(struct image, exported_names),
                            .sh_size = sizeof good.exported_names}},
    .symbol = {{.st_name = 1,
                .st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT),
                .st_shndx = 1,
                .st_value = 0x100,
                .st_size = 0x1000},
               {.st_name = 1,
                .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                .st_shndx = SHN_UNDEF,
                .st_value = 0x100,
                .st_size = 0x1000},
               {.st_name = 1000,
                .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                .st_shndx = 1,
                .st_value = 0x100,
                .st_size = 0x1000},
               {.st_name = 1,
                .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                .st_shndx = 1,
                .st_value = 0x100,
                .st_size = 0x10},
               {.st_name = 8,
                .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                .st_shndx = 1,
                .st_value = 0x200,
                .st_size = 0x10}},
    .exported = {{.st_name = 1,
                  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                  .st_shndx = 1,
                  .st_value = 0x100,
                  .st_size = 0x10}},
    .names = "\0static\0unfinished",
    .exported_names = "\0exported",
};

static char path[] = "/tmp/coro-symbol-XXXXXX";

static void write_file(const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static struct coro__symbol symbol_in(const char *file, uintptr_t offset)
{
    struct coro__symbol found;

    memset(&found, 'x', sizeof found);
    file_there = file;
    coro__symbol_at(BIAS + offset, &found);
    file_there = NULL;
    return found;
}

/* What is in `size` bytes of `image`, at `offset`. */
static const char *name_in(const struct image *image, size_t size, uintptr_t offset)
{
    static struct coro__symbol found;

    write_file(image, size);
    found = symbol_in(path, offset);
    if (found.name[0] == '\0')
        assert_int_equal(found.offset, 0);
    assert_string_equal(found.file, strrchr(path, '/') + 1);
    assert_int_equal(found.file_address, offset);
    return found.name;
}

#define NAME_IN(image, offset) name_in(&(image), sizeof(image), offset)

/* ---- the tests ---- */

static void a_function_is_the_one_that_the_address_is_in(void **state)
{
    (void)state;
    assert_string_equal(NAME_IN(good, 0x100), "static");
    assert_string_equal(NAME_IN(good, 0x10f), "static");
    assert_string_equal(NAME_IN(good, 0x200), "unfinished");
    assert_string_equal(NAME_IN(good, 0x110), "");
    assert_string_equal(NAME_IN(good, 0xff), "");
    assert_int_equal(symbol_in(path, 0x10f).offset, 0xf);
    assert_string_equal(NAME_IN(good, MAPPED - 1), "");
}

static void a_stripped_file_gives_what_it_exports(void **state)
{
    struct image image = good;
    (void)state;

    image.section[SYMTAB].sh_type = SHT_NULL;
    assert_string_equal(NAME_IN(image, 0x100), "exported");
    assert_string_equal(NAME_IN(image, 0x200), "");
}

static void an_address_outside_of_every_file_has_no_file(void **state)
{
    struct coro__symbol found = symbol_in(path, MAPPED);
    (void)state;

    assert_string_equal(found.file, "");
    assert_string_equal(found.name, "");
    assert_int_equal(found.file_address, 0);
}

static void long_names_are_cut_off(void **state)
{
    struct {
        struct image image;
        char more[200];
    } large = {.image = good};
    struct coro__symbol found;
    (void)state;

    memset(large.image.names + 1, 'n', sizeof large - offsetof(struct image, names) - 1);
    large.image.section[STRTAB].sh_size = sizeof large - offsetof(struct image, names);
    large.image.section[DYNSYM].sh_type = SHT_NULL;
    write_file(&large, sizeof large);
    found = symbol_in(path, 0x100);
    assert_int_equal(strlen(found.name), sizeof found.name - 1);
    assert_int_equal(strspn(found.name, "n"), sizeof found.name - 1);
}

static void a_name_ends_where_its_table_does(void **state)
{
    struct image image = good;
    (void)state;

    image.section[STRTAB].sh_size = 10; /* the second name begins at 8 */
    assert_string_equal(NAME_IN(image, 0x200), "un");
    image.section[STRTAB].sh_size = 8;
    assert_string_equal(NAME_IN(image, 0x200), "");
}

static void a_file_that_is_cut_off_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof good; size++) {
        const char *name = name_in(&good, size, 0x100);
        bool all = size >= offsetof(struct image, names) + sizeof good.names;

        assert_string_equal(name, all ? "static" : "");
    }
}

static void tables_that_are_elsewhere_are_not_looked_for(void **state)
{
    const uint64_t nowhere[] = {UINT64_MAX, UINT64_MAX - 7, sizeof good + 8, sizeof good - 8, 3};
    (void)state;

    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        struct image image = good;

        image.section[DYNSYM].sh_type = SHT_NULL;
        image.header.e_shoff = nowhere[i];
        assert_string_equal(NAME_IN(image, 0x100), "");
        image.header.e_shoff = good.header.e_shoff;
        image.section[SYMTAB].sh_offset = nowhere[i];
        assert_string_equal(NAME_IN(image, 0x100), "");
        image.section[SYMTAB].sh_offset = good.section[SYMTAB].sh_offset;
        image.section[SYMTAB].sh_size = nowhere[i] > SYMBOLS ? UINT64_MAX - i : 0;
        assert_string_equal(NAME_IN(image, 0x100), "");
        image.section[SYMTAB].sh_size = good.section[SYMTAB].sh_size;
        image.section[STRTAB].sh_offset = nowhere[i] != 3 ? nowhere[i] : UINT64_MAX / 2;
        assert_string_equal(NAME_IN(image, 0x100), "");
        image.section[STRTAB].sh_offset = good.section[STRTAB].sh_offset;
        image.section[SYMTAB].sh_link = SECTIONS;
        assert_string_equal(NAME_IN(image, 0x100), "");
    }
}

static void what_is_no_elf_file_has_no_names(void **state)
{
    struct image image = good;
    (void)state;

    image.header.e_shentsize++;
    assert_string_equal(NAME_IN(image, 0x100), "");
    image = good;
    image.header.e_ident[0]++;
    assert_string_equal(NAME_IN(image, 0x100), "");
}

static void what_cannot_be_read_is_only_a_file(void **state)
{
    static const char *const files[] = {"/nonexistent/gone", "/dev/null", "/proc/self", "no-slash"};
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *slash = strrchr(files[i], '/');
        struct coro__symbol found = symbol_in(files[i], 0x100);

        assert_string_equal(found.file, slash != NULL ? slash + 1 : files[i]);
        assert_string_equal(found.name, "");
        assert_int_equal(found.file_address, 0x100);
    }
    assert_string_equal(name_in(&good, 0, 0x100), "");
}

static void without_memory_or_descriptors_there_is_no_name(void **state)
{
    size_t refused = 0;
    (void)state;

    write_file(&good, sizeof good);
    for (size_t n = 0;; n++, refused++) {
        struct coro__symbol found;

        faults_arm(n);
        found = symbol_in(path, 0x100);
        if (!faults_disarm() || strcmp(faults_last(), "munmap") == 0)
            break;
        assert_string_equal(found.name, "");
        assert_int_equal(found.file_address, 0x100);
    }
    assert_int_equal(refused, 2); /* open(), mmap() */
}

/* "" is the program itself, wherever it lies; but nowhere does it begin at BIAS. */
static void a_program_that_is_not_the_one_executed_is_not_believed(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        struct coro__symbol found;

        faults_arm(n);
        found = symbol_in("", 0x100);
        faults_disarm();
        assert_string_equal(found.name, "");
        assert_string_not_equal(found.file, "");
        assert_int_equal(found.file_address, 0x100);
    }
}

static void this_very_function_is_known(void **state)
{
    struct coro__symbol found;
    (void)state;

    coro__symbol_at((uintptr_t)this_very_function_is_known + 1, &found);
    assert_string_equal(found.name, "this_very_function_is_known");
    assert_int_equal(found.offset, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_function_is_the_one_that_the_address_is_in),
        TEST(a_stripped_file_gives_what_it_exports),
        TEST(an_address_outside_of_every_file_has_no_file),
        TEST(long_names_are_cut_off),
        TEST(a_name_ends_where_its_table_does),
        TEST(a_file_that_is_cut_off_is_read_as_far_as_it_goes),
        TEST(tables_that_are_elsewhere_are_not_looked_for),
        TEST(what_is_no_elf_file_has_no_names),
        TEST(what_cannot_be_read_is_only_a_file),
        TEST(without_memory_or_descriptors_there_is_no_name),
        TEST(a_program_that_is_not_the_one_executed_is_not_believed),
        TEST(this_very_function_is_known),
    };
    int fd = mkstemp(path), failures;

    if (fd < 0)
        return 1;
    close(fd);
    faults_begin();
    failures = RUN_TESTS(tests);
    unlink(path);
    return failures;
}
