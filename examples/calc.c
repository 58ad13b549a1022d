/*
 * calc: a calculator of two generators that talk to each other.
 *
 * The lexer yields tokens; it is stackless. The parser takes them as inputs; it is a plain recursive descent, which can
 * stop and wait for a token anywhere in its recursion because it has a stack of its own. Weaving feeds each with what
 * the other yields, until the parser returns a value or an error with its column.
 *
 *     expression = term { ("+" | "-") term }
 *     term       = factor { ("*" | "/") factor }
 *     factor     = number | "-" factor | "(" expression ")"
 */
#include "common.h"

#include <coro.h>
#include <ctype.h>

struct token {
    char kind; /* '0' for a number, the character itself for others, '\0' at the end */
    double number;
    size_t column;
};

struct result {
    const char *error; /* NULL: none */
    size_t column;
    double value;
};

CORO_GEN(lexers, coro_unit, struct token, coro_void);
CORO_GEN(parsers, struct token, coro_unit, struct result);
CORO_GEN_WEAVE(conversation, lexers, parsers);

/* ---- the lexer ---- */

struct text {
    const char *begin, *at;
};

static struct token next_token(struct text *text, coro_unit in)
{
    struct token token;
    char *end;
    (void)in;

    while (isspace((unsigned char)*text->at))
        text->at++;
    token = (struct token){*text->at, 0, (size_t)(text->at - text->begin) + 1};
    if (isdigit((unsigned char)*text->at) || *text->at == '.') {
        token.number = strtod(text->at, &end);
        token.kind = end != text->at ? '0' : '.';
        text->at = end;
    } else if (*text->at != '\0') {
        text->at++;
    }
    return token;
}

CORO_GEN_YIELD_WITH(lexer, lexers, next_token, struct text);

/* ---- the parser ---- */

struct parsing {
    struct token token; /* the one that is looked at */
    const char *error;
    size_t column;
    int depth;
};

CORO_GEN_FROM_CORO(parser, parsers, parse, struct parsing);

static double expression(parser *self);

static void accept(parser *self)
{
    self->data.token = parser_yield(self, CORO_UNIT);
}

/* The first error counts. After it nothing is read any more. */
static double wrong(parser *self, const char *error)
{
    if (self->data.error == NULL) {
        self->data.error = error;
        self->data.column = self->data.token.column;
    }
    self->data.token.kind = '\0';
    return 0;
}

static double parenthesized(parser *self)
{
    double value;

    accept(self);
    value = expression(self);
    if (self->data.token.kind != ')')
        return wrong(self, "expected )");
    accept(self);
    return value;
}

static double factor(parser *self)
{
    double value = 0;

    if (++self->data.depth > 100)
        return wrong(self, "nested too deeply");
    switch (self->data.token.kind) {
    case '0':
        value = self->data.token.number;
        accept(self);
        break;
    case '-':
        accept(self);
        value = -factor(self);
        break;
    case '(':
        value = parenthesized(self);
        break;
    default:
        value = wrong(self, "expected a number, - or (");
    }
    self->data.depth--;
    return value;
}

static double term(parser *self)
{
    double value = factor(self);

    for (;;) {
        char sign = self->data.token.kind;
        double other;

        if (sign != '*' && sign != '/')
            return value;
        accept(self);
        other = factor(self);
        value = sign == '*' ? value * other : value / other;
    }
}

static double expression(parser *self)
{
    double value = term(self);

    while (self->data.token.kind == '+' || self->data.token.kind == '-') {
        double sign = self->data.token.kind == '+' ? 1 : -1;

        accept(self);
        value += sign * term(self);
    }
    return value;
}

static struct result parse(parser *self, struct token first)
{
    double value;

    self->data.token = first;
    value = expression(self);
    if (self->data.token.kind != '\0')
        wrong(self, "expected an operator or the end");
    return (struct result){self->data.error, self->data.column, value};
}

/* ---- both ---- */

static bool calculate(const char *text)
{
    lexer lexing;
    parser parsing;
    conversation_out out;
    lexers *l = lexer_init(&lexing, (struct text){text, text});
    coro_opts opts = {.stack_size = 256 * 1024, .name = "parser"};
    parsers *p = parser_init(&parsing, (struct parsing){.depth = 0}, &opts);

    if (p == NULL) {
        perror("calc");
        exit(EXIT_FAILURE);
    }
    conversation_run(&l, &p, CORO_UNIT, &out); /* the lexer never returns */
    lexers_drop(&l);
    if (out.b.error == NULL)
        printf("%s = %.15g\n", text, out.b.value);
    else
        printf("%s\n%*s^ %s\n", text, (int)out.b.column - 1, "", out.b.error);
    return out.b.error == NULL;
}

int main(int argc, char *argv[])
{
    static const char usage[] =
        "usage: calc [EXPRESSION]...\nCalculate the expressions, or the lines of standard input.\n";
    int first = no_options(argc, argv, argc, usage);
    bool right = true;
    char line[512];

    for (int i = first; i < argc; i++)
        right &= calculate(argv[i]);
    while (first == argc && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        right &= calculate(line);
    }
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
