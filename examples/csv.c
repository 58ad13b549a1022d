/*
 * csv: a reader of comma-separated values that is fed one character at a time (RFC 4180).
 *
 * The parser is a generator. Each step takes a character and yields what that completed: nothing, a field, or the last
 * field of a record. It returns at the end of the text, or at the first error, with line, column and reason. Where the
 * characters come from is none of its business: here, from a file of any size, of which one field is in memory.
 */
#include "common.h"

#include <coro.h>

enum { END_OF_TEXT = -1 };

enum completion { NOTHING, FIELD, LAST_FIELD };

struct completed {
    enum completion what;
    const char *text; /* until the next step */
};

struct verdict {
    const char *error; /* NULL: none */
    unsigned long line, column;
};

CORO_GEN(parsers, int, struct completed, struct verdict);

struct parser {
    CORO_GEN_POINT;
    unsigned long line, column;  /* of the character that this step is about */
    unsigned long fields, width; /* of this record, of the first */
    bool after_newline;
    char *text;
    size_t length, room;
};

static bool append(struct parser *self, int c)
{
    if (self->length + 2 > self->room) {
        char *text = realloc(self->text, 2 * self->room + 64);

        if (text == NULL)
            return false;
        self->text = text;
        self->room = 2 * self->room + 64;
    }
    self->text[self->length++] = (char)c;
    self->text[self->length] = '\0';
    return true;
}

static void advance(struct parser *self)
{
    self->column++;
    if (self->after_newline) {
        self->line++;
        self->column = 1;
        self->after_newline = false;
    }
}

static struct completed complete(struct parser *self, enum completion what)
{
    const char *text = self->length > 0 ? self->text : "";

    self->length = 0;
    return (struct completed){what, text};
}

static struct verdict wrong(const struct parser *self, const char *error)
{
    return (struct verdict){error, self->line, self->column};
}

static bool ends_field(int c)
{
    return c == ',' || c == '\r' || c == '\n' || c == END_OF_TEXT;
}

/* Get the next character into `in`; then the text goes on behind this. */
#define NEXT() CORO_GEN_YIELD(((struct completed){NOTHING, NULL}))

static bool parse(struct parser *self, int in, parsers_out *out)
{
    advance(self);
    CORO_GEN_BEGIN(self, out);
    while (in != END_OF_TEXT) {
        self->fields = 0;
        for (;;) {
            self->fields++;
            if (in == '"') {
                for (;;) {
                    NEXT();
                    self->after_newline = in == '\n';
                    if (in == END_OF_TEXT)
                        CORO_GEN_RETURN(wrong(self, "the text ends inside quotes"));
                    if (in == '"') {
                        NEXT();
                        if (in != '"')
                            break;
                    }
                    if (!append(self, in))
                        CORO_GEN_RETURN(wrong(self, "out of memory"));
                }
                if (!ends_field(in))
                    CORO_GEN_RETURN(wrong(self, "something follows a closing quote"));
            }
            while (!ends_field(in)) {
                if (in == '"')
                    CORO_GEN_RETURN(wrong(self, "a quote inside a field that does not begin with one"));
                if (!append(self, in))
                    CORO_GEN_RETURN(wrong(self, "out of memory"));
                NEXT();
            }
            if (in != ',')
                break;
            CORO_GEN_YIELD(complete(self, FIELD));
        }
        if (in == '\r') {
            NEXT();
            if (in != '\n')
                CORO_GEN_RETURN(wrong(self, "a carriage return without a line feed"));
        }
        if (self->width == 0)
            self->width = self->fields;
        if (self->fields != self->width)
            CORO_GEN_RETURN(wrong(self, "this record has another number of fields than the first"));
        self->after_newline = in == '\n';
        CORO_GEN_YIELD(complete(self, LAST_FIELD));
    }
    CORO_GEN_RETURN(((struct verdict){NULL, self->line, self->column}));
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(parser_state, parsers, parse, struct parser);

/* ---- printing ---- */

struct printer {
    FILE *file;
    unsigned long column; /* the one to print; 0: all */
    unsigned long number; /* of the field */
};

static void print_field(struct printer *p, const struct completed *field)
{
    p->number++;
    if (p->column == p->number)
        puts(field->text);
    if (p->column == 0)
        printf("%s[%s]", p->number == 1 ? "" : " ", field->text);
    if (field->what == LAST_FIELD) {
        if (p->column == 0)
            putchar('\n');
        p->number = 0;
    }
}

/* The driver of the parser: it is given what a step yielded, and returns the next input. */
static int feed(void *context, struct completed got)
{
    struct printer *p = context;
    int c;

    if (got.what != NOTHING)
        print_field(p, &got);
    c = getc(p->file);
    return c == EOF ? END_OF_TEXT : c;
}

static int read_csv(const char *name, struct printer *p)
{
    parser_state state;
    parsers *g = parser_state_init(&state, (struct parser){.line = 1});
    struct verdict verdict = parsers_drive(&g, feed(p, (struct completed){NOTHING, NULL}), feed, p);

    free(state.data.text);
    if (verdict.error == NULL)
        return EXIT_SUCCESS;
    if (p->number > 0 && p->column == 0)
        putchar('\n');
    fflush(stdout);
    fprintf(stderr, "%s:%lu:%lu: %s\n", name, verdict.line, verdict.column, verdict.error);
    return EXIT_FAILURE;
}

static const char usage[] = "usage: csv [-f COLUMN] [FILE]\n"
                            "Print the records of a CSV file, or of standard input; with -f one column of it.\n";

int main(int argc, char *argv[])
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    struct printer p = {stdin, 0, 0};
    int option, status;

    while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (option != 'f' || !parse_number(optarg, 1000000, &p.column) || p.column == 0) {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (argc - optind > 1) {
        fputs(usage, stderr);
        return 2;
    }
    if (optind < argc && (p.file = fopen(argv[optind], "re")) == NULL) {
        perror(argv[optind]);
        return EXIT_FAILURE;
    }
    status = read_csv(optind < argc ? argv[optind] : "stdin", &p);
    if (p.file != stdin)
        fclose(p.file);
    return status;
}
