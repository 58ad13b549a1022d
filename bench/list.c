/* What there is to be measured. */
#include "list.h"

#include "bench.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 104, INDENT = 24 };

/* Text in lines of at most WIDTH, those after the first indented. */
static void print_wrapped(const char *text)
{
    int column = INDENT;

    for (const char *word = text; *word != '\0';) {
        int length = (int)strcspn(word, " ");

        if (column != INDENT && column + 1 + length > WIDTH) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        }
        column += printf("%s%.*s", column == INDENT ? "" : " ", length, word);
        word += length + (word[length] == ' ');
    }
    putchar('\n');
}

static void print_case(const struct bench_case *kase)
{
    printf("  %-*s", INDENT - 2, kase->name);
    print_wrapped(kase->about);
    if (kase->size_is != NULL) {
        printf("%*s%s:", INDENT, "", kase->size_is);
        for (const size_t *size = kase->sizes; *size != 0; size++)
            printf(" %s", text_count(*size).text);
        putchar('\n');
    }
}

static void print_peer(const struct bench_peer *peer)
{
    printf("  %-*s", INDENT - 2, peer->name);
    print_wrapped(peer->what);
    for (const struct bench_work *work = peer->works; work->name != NULL; work++)
        printf("%*s%-16s %s\n", INDENT, "", work->name, work->note != NULL ? work->note : "");
}

void list_all(void)
{
    puts("Cases:");
    for (const struct bench_case *kase = bench_cases; kase->name != NULL; kase++)
        print_case(kase);
    puts("\nPeers, and the cases that each of them can do:");
    for (const struct bench_peer *const *peer = bench_peers; *peer != NULL; peer++)
        print_peer(*peer);
    if (bench_absents[0].name != NULL)
        puts("\nLeft out of this build:");
    for (const struct bench_absent *absent = bench_absents; absent->name != NULL; absent++)
        printf("  %-*s%s\n", INDENT - 2, absent->name, absent->why);
}
