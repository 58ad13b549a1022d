/*
 * wordfreq: the most frequent words of a text, by three coroutines in a row.
 *
 *     wordfreq [-n COUNT] [-s] [FILE...]
 *
 *     reader --chunks--> tokenizer --words--> counter --table--> main
 *
 * Each stage is written as if it were the main program: the reader has its loop over files, the tokenizer its loop over
 * letters, the counter its loop over words, and none of them is turned inside out into callbacks. A stage pulls from
 * the one before it. What is passed on is a pointer into the reader's buffer; only a word that lies across two chunks
 * is copied.
 *
 * A word is a run of ASCII letters, of any length, in lower case. Files follow one another as if cat had joined them.
 */
#include "common.h"
#include <coro.h>
#include <fcntl.h>
#include <getopt.h>

#define CHUNK_SIZE 65536

struct span {
    char *text;
    size_t length;
};

struct input {
    char **names; /* up to a NULL */
    bool failed;
};

static struct {
    unsigned long bytes, words, switches;
} stats;

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "wordfreq: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void *need(void *memory)
{
    if (memory == NULL)
        die("malloc", strerror(ENOMEM));
    return memory;
}

/* ---- stages ---- */

/* A stage finds the one before it, or whatever it works on, with source(). */
static coro_t *stage(const char *name, coro_fn *body, void *source)
{
    coro_t *co;
    int err = coro_create(&co, body, &(coro_opts){.name = name, .user = source, .flags = CORO_NO_FPENV});

    if (err != 0)
        die(name, coro_strerror(err));
    return co;
}

static void *source(void)
{
    return coro_user(coro_self());
}

/* The next value of a stage; a stage that has no more returns NULL. */
static void *pull(coro_t *from)
{
    coro_step step = coro_resume(from, NULL);

    stats.switches += 2;
    if (step.status < 0)
        die(coro_name(from), coro_strerror((int)step.status));
    return step.value;
}

/* ---- reader: yields chunks ---- */

static ssize_t read_chunk(int fd, char *buffer)
{
    ssize_t got;

    do
        got = read(fd, buffer, CHUNK_SIZE);
    while (got < 0 && errno == EINTR);
    return got;
}

static bool yield_file(const char *name, char *buffer)
{
    int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    while (fd >= 0 && (got = read_chunk(fd, buffer)) > 0) {
        stats.bytes += (size_t)got;
        coro_yield(&(struct span){buffer, (size_t)got});
    }
    if (got < 0)
        fprintf(stderr, "wordfreq: %s: %s\n", name, strerror(errno));
    if (fd > STDIN_FILENO)
        close(fd);
    return got == 0;
}

static void *reader(void *unused)
{
    struct input *input = source();
    char *buffer = need(malloc(CHUNK_SIZE));

    (void)unused;
    for (char **name = input->names; *name != NULL; name++)
        if (!yield_file(*name, buffer))
            input->failed = true;
    free(buffer);
    return NULL;
}

/* ---- tokenizer: yields words ---- */

/* The beginning of a word whose end is not known yet. */
struct carry {
    struct span word;
    size_t capacity;
};

static struct span carry_on(struct carry *carry, struct span part)
{
    size_t total = carry->word.length + part.length;

    if (total > carry->capacity) {
        carry->capacity = 2 * total;
        carry->word.text = need(realloc(carry->word.text, carry->capacity));
    }
    memcpy(carry->word.text + carry->word.length, part.text, part.length);
    carry->word.length = total;
    return carry->word;
}

static unsigned lower(char c)
{
    return (unsigned char)c | 0x20u;
}

static bool is_letter(char c)
{
    return lower(c) - 'a' < 26;
}

static char *skip_others(char *p, const char *end)
{
    while (p < end && !is_letter(*p))
        p++;
    return p;
}

static char *lower_word(char *p, const char *end)
{
    for (; p < end && is_letter(*p); p++)
        *p = (char)lower(*p);
    return p;
}

/* Yields the words of a chunk, but for one that reaches its end: the next chunk may go on with it. */
static void yield_words(const struct span *chunk, struct carry *carry)
{
    char *p = chunk->text, *end = p + chunk->length;

    while (p < end) {
        struct span word = {p, (size_t)(lower_word(p, end) - p)};

        p += word.length;
        if (p == end || carry->word.length > 0)
            word = carry_on(carry, word);
        if (p < end && word.length > 0) {
            coro_yield(&word);
            carry->word.length = 0;
        }
        p = skip_others(p, end);
    }
}

static void *tokenizer(void *unused)
{
    coro_t *chunks = source();
    struct carry carry = {0};

    (void)unused;
    for (struct span *chunk; (chunk = pull(chunks)) != NULL;)
        yield_words(chunk, &carry);
    if (carry.word.length > 0)
        coro_yield(&carry.word);
    free(carry.word.text);
    return NULL;
}

/* ---- counter: returns the table ---- */

struct entry {
    char *word; /* NULL: the slot is free */
    size_t length;
    uint64_t hash;
    size_t count;
};

/* Open addressing with linear probing, at most half full, so that runs of taken slots stay short. */
struct table {
    struct entry *slots;
    size_t capacity; /* a power of two */
    size_t used;
};

/* FNV-1a; the last line lets the high bits, which are the good ones, take part in the choice of a slot. */
static uint64_t hash_of(const struct span *word)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < word->length; i++)
        hash = (hash ^ (unsigned char)word->text[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The slot of a word, or the free one that it would take. */
static struct entry *find(const struct table *table, const struct span *word, uint64_t hash)
{
    for (size_t i = hash;; i++) {
        struct entry *slot = &table->slots[i & (table->capacity - 1)];

        if (slot->word == NULL)
            return slot;
        if (slot->hash == hash && slot->length == word->length && memcmp(slot->word, word->text, word->length) == 0)
            return slot;
    }
}

static void grow(struct table *table)
{
    struct table bigger = {.capacity = table->capacity > 0 ? 2 * table->capacity : 1024, .used = table->used};

    bigger.slots = need(calloc(bigger.capacity, sizeof *bigger.slots));
    for (size_t i = 0; i < table->capacity; i++) {
        const struct entry *old = &table->slots[i];

        if (old->word != NULL)
            *find(&bigger, &(struct span){old->word, old->length}, old->hash) = *old;
    }
    free(table->slots);
    *table = bigger;
}

static char *copy_of(const struct span *word)
{
    char *copy = need(malloc(word->length + 1));

    memcpy(copy, word->text, word->length);
    copy[word->length] = '\0';
    return copy;
}

static void count(struct table *table, const struct span *word)
{
    uint64_t hash = hash_of(word);
    struct entry *entry;

    if (2 * table->used >= table->capacity)
        grow(table);
    entry = find(table, word, hash);
    if (entry->word == NULL) {
        *entry = (struct entry){.word = copy_of(word), .length = word->length, .hash = hash};
        table->used++;
    }
    entry->count++;
}

static void *counter(void *unused)
{
    coro_t *words = source();
    struct table *table = need(calloc(1, sizeof *table));

    (void)unused;
    for (const struct span *word; (word = pull(words)) != NULL; stats.words++)
        count(table, word);
    return table;
}

/* ---- main: prints the table ---- */

static int by_count_then_word(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->word, b->word);
}

/* Moves the entries to the front, sorted: from here on nothing is found in the table by its hash any more. */
static void sort(struct table *table)
{
    for (size_t from = 0, to = 0; to < table->used; from++)
        if (table->slots[from].word != NULL)
            table->slots[to++] = table->slots[from];
    if (table->used > 0)
        qsort(table->slots, table->used, sizeof *table->slots, by_count_then_word);
}

static void print_table(const struct table *table, unsigned long most)
{
    size_t lines = most > 0 && most < table->used ? most : table->used;

    for (size_t i = 0; i < lines; i++)
        printf("%7zu %s\n", table->slots[i].count, table->slots[i].word);
    if (fflush(stdout) != 0 || ferror(stdout))
        die("standard output", strerror(errno));
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->used; i++)
        free(table->slots[i].word);
    free(table->slots);
    free(table);
}

static struct table *count_words(struct input *input)
{
    coro_t *chunks = stage("reader", reader, input);
    coro_t *words = stage("tokenizer", tokenizer, chunks);
    coro_t *tables = stage("counter", counter, words);
    struct table *table = pull(tables);

    coro_destroy(tables);
    coro_destroy(words);
    coro_destroy(chunks);
    return table;
}

static void print_stats(int64_t ns)
{
    double seconds = (double)(ns > 0 ? ns : 1) / 1e9;

    fprintf(stderr, "wordfreq: %.1f MB in %.3f s: %.0f MB/s; ", (double)stats.bytes / 1e6, seconds,
            (double)stats.bytes / 1e6 / seconds);
    fprintf(stderr, "%s words, %s words/s; ", GROUPED(stats.words),
            GROUPED((unsigned long)((double)stats.words / seconds)));
    fprintf(stderr, "%s switches\n", GROUPED(stats.switches));
}

static void usage(FILE *to)
{
    fputs("usage: wordfreq [-n COUNT] [-s] [FILE...]\n"
          "Print the most frequent words of the files, or of standard input if none is given or a FILE is \"-\".\n"
          "A word is a run of letters A-Z, upper and lower case alike.\n"
          "\n"
          "  -n, --number COUNT   how many words to print, 0 is all (default: 10)\n"
          "  -s, --silent         do not say on standard error how fast it went\n"
          "  -h, --help           show this text\n",
          to);
}

struct settings {
    unsigned long most;
    bool silent;
};

static void parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {{"number", required_argument, NULL, 'n'},
                                            {"silent", no_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};

    for (int c; (c = getopt_long(argc, argv, "n:sh", options, NULL)) != -1;) {
        if (c == 's') {
            settings->silent = true;
        } else if (c == 'h') {
            usage(stdout);
            exit(EXIT_SUCCESS);
        } else if (c != 'n' || !parse_number(optarg, ULONG_MAX, &settings->most)) {
            if (c == 'n')
                fprintf(stderr, "wordfreq: not a number: %s\n", optarg);
            usage(stderr);
            exit(EXIT_FAILURE);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {.most = 10};
    struct input input = {.names = (char *[]){"-", NULL}};
    struct table *table;
    int64_t start = coro_now();

    parse_options(argc, argv, &settings);
    if (optind < argc)
        input.names = argv + optind;

    table = count_words(&input);
    if (!settings.silent)
        print_stats(coro_now() - start);

    sort(table);
    print_table(table, settings.most);
    free_table(table);
    return input.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
