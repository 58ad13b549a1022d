/*
 * Examples for coro/coroutine.h and coro/base.h, coro/stack.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

static void *count(void *first)
{
    for (char *p = first; *p != '\0'; p++)
        coro_yield(p);
    return NULL;
}

/* coro_create coro_resume coro_destroy */
static int print_letters(void)
{
    coro_t *co;
    int err = coro_create(&co, count, NULL);

    if (err != 0)
        return err;
    for (coro_step s = coro_resume(co, "abc"); s.status == CORO_YIELDED; s = coro_resume(co, NULL))
        putchar(*(char *)s.value);
    return coro_destroy(co);
}

/* coro_create_at */
static coro_t *create_or_die(const char *site, coro_fn *fn)
{
    coro_t *co;

    if (coro_create_at(site, &co, fn, NULL) != 0) /* reports name the caller, not this line */
        abort();
    return co;
}

/* coro_yield */
static void *echo(void *input)
{
    while (input != NULL)
        input = coro_yield(input);
    return "done";
}

/* coro_transfer */
static void *ping(void *other)
{
    for (int i = 0; i < 3; i++) {
        puts("ping");
        coro_transfer(other, coro_self()); /* which does the same; this one goes on when it is transferred to */
    }
    return NULL;
}

/* coro_prefetch */
static void resume_all(coro_t *const co[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i + 4 < n)
            coro_prefetch(co[i + 4]);
        coro_resume(co[i], NULL);
    }
}

/* coro_self coro_name coro_set_name */
static void *named(void *input)
{
    coro_set_name(coro_self(), "worker");
    printf("%s begins\n", coro_name(coro_self()));
    return input;
}

/* coro_get_status */
static void run_to_the_end(coro_t *co)
{
    while (coro_get_status(co) == CORO_SUSPENDED)
        coro_resume(co, NULL);
}

/* coro_user */
static void *greet(void *input)
{
    printf("hello, %s\n", (const char *)coro_user(coro_self())); /* as given in coro_opts.user */
    return input;
}

/* coro_stack_size coro_stack_used */
static void print_stack(const coro_t *co)
{
    printf("%zu of %zu bytes\n", coro_stack_used(co), coro_stack_size(co));
}

/* coro_defer */
static void *with_buffer(void *input)
{
    char *buffer = malloc(4096);

    if (buffer != NULL && coro_defer(free, buffer) == 0)
        coro_yield(buffer); /* freed even if nobody resumes this again and it is destroyed */
    return input;
}

static coro_key_t request_key;

/* coro_key_create coro_key_delete */
static int with_key(void (*serve)(void))
{
    int err = coro_key_create(&request_key, free);

    if (err != 0)
        return err;
    serve();
    return coro_key_delete(request_key);
}

/* coro_get coro_set */
static int *request_number(void)
{
    if (coro_get(request_key) == NULL)
        coro_set(request_key, calloc(1, sizeof(int))); /* one for each coroutine, freed when that ends */
    return coro_get(request_key);
}

/* coro_overflow_report */
static void begin_program(void)
{
    int err = coro_overflow_report(true);

    if (err != 0)
        fprintf(stderr, "overflows will not be reported: %s\n", coro_strerror(err));
}

/* coro_version coro_strerror */
static void explain(int err)
{
    printf("libcoro %s: %s\n", coro_version(), coro_strerror(err)); /* -EDEADLK: what that means here */
}

/* coro_now */
static int64_t how_long(void (*fn)(void))
{
    int64_t begin = coro_now();

    fn();
    return coro_now() - begin; /* nanoseconds */
}

/* coro_after */
static int receive_soon(coro_chan_t *ch, int *n)
{
    return coro_chan_recv(ch, n, coro_after(CORO_MS(20)));
}

/* coro_stack_pooled coro_stack_mmap coro_stack_heap */
static int create_large(coro_t **out, coro_fn *fn, bool guarded)
{
    coro_opts opts = {.stack_size = 8 << 20, .allocator = guarded ? coro_stack_mmap() : coro_stack_heap()};

    if (opts.stack_size <= 1 << 20)
        opts.allocator = coro_stack_pooled(); /* what NULL means */
    return coro_create(out, fn, &opts);
}

/* coro_stack_trim */
static void after_the_crowd(void)
{
    printf("%zu bytes given back\n", coro_stack_trim());
}
