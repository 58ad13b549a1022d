/*
 * tree_walk: a recursive function as a generator, and combinators that cannot tell it from any other.
 *
 * The walk yields from inside its recursion, so it has a stack of its own. The words of the command line go into a binary
 * tree; the walk yields them in order; a stackless generator numbers them.
 */
#include "common.h"

#include <coro.h>

struct tree {
    struct tree *left, *right;
    const char *word;
};

CORO_GEN_PAIR(numbered, unsigned, const char *);
CORO_GEN(words, coro_unit, const char *, coro_unit);
CORO_GEN(numbered_words, coro_unit, numbered, coro_unit);
CORO_GEN(numbers, coro_unit, unsigned, coro_unit);

CORO_GEN_FROM_CORO(walk, words, walk_from, const struct tree *);

static void visit(walk *self, const struct tree *t)
{
    if (t == NULL)
        return;
    visit(self, t->left);
    walk_yield(self, t->word);
    visit(self, t->right);
}

static coro_unit walk_from(walk *self, coro_unit in)
{
    (void)in;
    visit(self, self->data);
    return CORO_UNIT;
}

static unsigned next(unsigned *n, coro_unit in)
{
    (void)in;
    return ++*n;
}

CORO_GEN_YIELD_WITH(counting, numbers, next, unsigned);
CORO_GEN_ZIP(numbering, numbered_words, numbers, words);

static struct tree *insert(struct tree *t, struct tree *leaf)
{
    if (t == NULL)
        return leaf;
    if (strcmp(leaf->word, t->word) < 0)
        t->left = insert(t->left, leaf);
    else
        t->right = insert(t->right, leaf);
    return t;
}

static int print(const struct tree *t)
{
    walk walking;
    counting count;
    numbering state;
    words *w = walk_init(&walking, t, NULL);
    numbered_words *g;

    if (w == NULL) {
        perror("tree_walk");
        return EXIT_FAILURE;
    }
    g = numbering_init(&state, counting_init(&count, 0), w);
    CORO_GEN_EACH(numbered_words, y, g)
    printf("%2u  %s\n", y.a, y.b);
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    struct tree leaves[64] = {{NULL, NULL, NULL}}, *root = NULL;
    int first =
        no_options(argc, argv, 64, "usage: tree_walk WORD...\nPrint the words (64 at most) in order, numbered.\n");

    for (int i = first; i < argc; i++) {
        leaves[i - first].word = argv[i];
        root = insert(root, &leaves[i - first]);
    }
    return print(root);
}
