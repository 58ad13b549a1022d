/* What the snippets of docs/guide/structured-concurrency.md take for granted. */
struct page;
struct question;
struct attempt;
struct race {
    struct attempt *winner;
};

extern struct page *page;
extern struct race *race;
extern struct attempt *self;
extern coro_group_t group;
extern int err, joined;

extern coro_job load_text, load_images, ask_near, ask_far;
extern int answer_from_cache(struct question *question);
extern void close_socket(struct attempt *self);
