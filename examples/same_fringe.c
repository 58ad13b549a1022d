/*
 * same_fringe: do two trees have the same leaves in the same order, whatever their shapes?
 *
 * The walk of a tree is recursive, so two walks cannot take turns, unless each has a stack of its own: here each is a
 * coroutine that yields the leaves from the depth of its recursion. No list of leaves is ever made, and the comparison
 * ends at the first difference: destroying the two walks gives their half-finished recursions back.
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

struct tree {
    struct tree *left, *right; /* both NULL in a leaf */
    char label;
};

#define LEAF(c)    (&(struct tree){.label = (c)})
#define NODE(l, r) (&(struct tree){.left = (l), .right = (r)})

static void walk(struct tree *t)
{
    if (t->left == NULL) {
        coro_yield(&t->label);
        return;
    }
    walk(t->left);
    walk(t->right);
}

static void *fringe(void *root)
{
    walk(root);
    return NULL;
}

static coro_t *start(coro_fn *fn)
{
    coro_t *co;
    int err = coro_create(&co, fn, NULL);

    if (err != 0) {
        fprintf(stderr, "same_fringe: %s\n", coro_strerror(err));
        exit(EXIT_FAILURE);
    }
    return co;
}

static void print_tree(const struct tree *t)
{
    if (t->left == NULL) {
        putchar(t->label);
        return;
    }
    putchar('(');
    print_tree(t->left);
    putchar(' ');
    print_tree(t->right);
    putchar(')');
}

/* Prints what there is to say about the first place where the fringes differ. */
static void compare(struct tree *a, struct tree *b)
{
    coro_t *left = start(fringe), *right = start(fringe);

    for (int n = 1;; n++) {
        /* The first resume brings the root, as the argument of fringe(); the walk ignores what later ones bring. */
        const char *x = coro_resume(left, a).value, *y = coro_resume(right, b).value;

        if (x == NULL && y == NULL)
            printf("the same\n");
        else if (x == NULL || y == NULL)
            printf("leaf %d is there on the %s only: %c\n", n, x != NULL ? "left" : "right", x != NULL ? *x : *y);
        else if (*x != *y)
            printf("leaf %d differs: %c, %c\n", n, *x, *y);
        else
            continue;
        break;
    }
    coro_destroy(left);
    coro_destroy(right);
}

int main(void)
{
    struct tree *balanced = NODE(NODE(LEAF('a'), LEAF('b')), NODE(LEAF('c'), LEAF('d')));
    struct tree *pairs[][2] = {
        {balanced, NODE(LEAF('a'), NODE(LEAF('b'), NODE(LEAF('c'), LEAF('d'))))},
        {balanced, NODE(NODE(NODE(LEAF('a'), LEAF('x')), LEAF('c')), LEAF('d'))},
        {balanced, NODE(NODE(LEAF('a'), LEAF('b')), LEAF('c'))},
        {LEAF('a'), NODE(LEAF('a'), LEAF('b'))},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        print_tree(pairs[i][0]);
        printf(" and ");
        print_tree(pairs[i][1]);
        printf(": ");
        compare(pairs[i][0], pairs[i][1]);
    }
    return EXIT_SUCCESS;
}
