/*
 * A plot a case: bars, or curves where there are many sizes. gnuplot draws them. The background is transparent, and the colours
 * are chosen to be read on white and on black.
 */
#include "report.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT   "#7d8590"
#define OURS   0x2f81f7
#define OTHERS 0x8b949e
#define FLOOR  0x57a773

enum { WIDTH = 760, CURVE_HEIGHT = 430, BAR_HEIGHT = 24, FRAME_HEIGHT = 136, CURVE_FROM = 4 };

static const unsigned palette[] = {0x8b949e, 0x2da44e, 0xe5534b, 0xa371f7, 0x17a2a2, 0xd4619b,
                                   0xa0763c, 0x9a9a26, 0x6e7fb8, 0x8b949e, 0xe0a81e, 0x4f9d69};

/* ---- what the rows hold ---- */

static int by_size_then_median(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return (x->median > y->median) - (x->median < y->median);
}

/* Pointers to the rows with a figure, sorted; NULL if out of memory. The caller frees. */
static const struct row **figures_of(const struct results *results, size_t first, size_t end, size_t *count)
{
    const struct row **figures = malloc((end - first) * sizeof *figures);

    *count = 0;
    if (figures == NULL)
        return NULL;
    for (size_t i = first; i < end; i++)
        if (row_has_figure(&results->rows[i]))
            figures[(*count)++] = &results->rows[i];
    qsort(figures, *count, sizeof *figures, by_size_then_median);
    return figures;
}

static unsigned sizes_in(const struct results *results, size_t first, size_t end)
{
    unsigned n = 0;

    for (; first < end; first = results_size_end(results, first))
        n++;
    return n;
}

/* ---- what all plots share ---- */

/* A string of gnuplot's: in single quotes, those inside doubled. */
static void print_quoted(FILE *out, const char *s)
{
    fputc('\'', out);
    for (; *s != '\0'; s++)
        fprintf(out, *s == '\'' ? "''" : "%c", *s);
    fputc('\'', out);
}

static void print_frame(FILE *out, const struct bench_case *kase, const char *folder, unsigned height)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s.svg", folder, kase->name);
    fprintf(out,
            "reset\n"
            "set terminal svg size %d,%u dynamic noenhanced font 'sans-serif,13'\n"
            "set border 0\n"
            "set tics scale 0 textcolor rgb '" TEXT "'\n"
            "set grid lc rgb '" TEXT "' lw 0.4 dt (2,4)\n"
            "set output ",
            WIDTH, height);
    print_quoted(out, path);
    fputs("\nset title ", out);
    print_quoted(out, kase->title);
    fputs(" textcolor rgb '" TEXT "' font ',15'\n", out);
}

/* A logarithmic axis, with 1,000 and not 1000. */
static void print_decades(FILE *out, char axis)
{
    uint64_t decade = 1;

    fprintf(out, "set logscale %c\nset %ctics (", axis, axis);
    for (int i = 0; i < 10; i++, decade *= 10)
        fprintf(out, "%s\"%s\" %" PRIu64, i == 0 ? "" : ", ", text_count(decade).text, decade);
    fputs(")\n", out);
}

/* A linear axis from 0, in steps of 1, 2 or 5 times a power of ten: two to four of them. */
static void print_steps(FILE *out, double most)
{
    double decade = pow(10, floor(log10(most)));
    double step = most < 2 * decade ? decade / 2 : most < 5 * decade ? decade : 2 * decade;

    fputs("set xtics (", out);
    for (int i = 0; i * step <= most; i++) {
        fprintf(out, i == 0 ? "" : ", ");
        if (step < 1)
            fprintf(out, "\"%g\" %g", i * step, i * step);
        else
            fprintf(out, "\"%s\" %g", text_count((uint64_t)(i * step)).text, i * step);
    }
    fputs(")\n", out);
}

/* ---- bars ---- */

static unsigned colour_of(const struct bench_peer *peer)
{
    return peer->role == BENCH_OURS ? OURS : peer->role == BENCH_STACKFUL ? OTHERS : FLOOR;
}

/* A line a bar: place, value, low end, name, text at its end, colour. Between two sizes there is room for a heading. */
static double print_bars(FILE *out, const struct row **figures, size_t count, double low)
{
    double place = 0;

    fputs("$bars << END\n", out);
    for (size_t i = 0; i < count; i++, place++) {
        const struct row *row = figures[i];

        if (row->kase->size_is != NULL && (i == 0 || row->size != figures[i - 1]->size)) {
            place += i == 0 ? 0 : 0.4;
            fprintf(out, "%g NaN %g \"%s:\" \"\" 0\n", place, low, text_size(row).text);
            place++;
        }
        fprintf(out, "%g %g %g \"%s\" \"%s", place, row->median, low, row->peer->name, text_value(row->median).text);
        if (row->peer != bench_peers[0] && !isnan(row->ratio))
            fprintf(out, "  (%s)", text_ratio(row->ratio).text);
        fprintf(out, "\" %u\n", colour_of(row->peer));
    }
    fputs("END\n", out);
    return place;
}

/* How the values lie on the axis. */
struct scale {
    double low, most; /* where bars begin; the largest value */
    bool logarithmic;
};

static struct scale scale_of(const struct row **figures, size_t count)
{
    struct scale scale = {0};
    double least = INFINITY;

    for (size_t i = 0; i < count; i++) {
        least = fmin(least, figures[i]->median);
        scale.most = fmax(scale.most, figures[i]->median);
    }
    scale.logarithmic = scale.most > 25 * least && figures[0]->kase->unit != BENCH_KIB;
    if (scale.logarithmic)
        scale.low = pow(10, floor(log10(least * 0.8)));
    return scale;
}

/* To the right of the longest bar there is room for its text. */
static void print_scale(FILE *out, const struct bench_case *kase, struct scale scale)
{
    fprintf(out, "set xlabel '%s%s' textcolor rgb '" TEXT "'\n", kase->what, scale.logarithmic ? ", logarithmic" : "");
    if (scale.logarithmic) {
        print_decades(out, 'x');
        fprintf(out, "set xrange [%g:%g]\n", scale.low, scale.most * pow(scale.most / scale.low, 0.28));
    } else {
        print_steps(out, scale.most);
        fprintf(out, "set xrange [0:%g]\n", scale.most * 1.28);
    }
}

static unsigned headings_of(const struct row **figures, size_t count)
{
    unsigned n = 0;

    for (size_t i = 0; i < count && figures[i]->kase->size_is != NULL; i++)
        n += i == 0 || figures[i]->size != figures[i - 1]->size;
    return n;
}

static void plot_bars(FILE *out, const struct row **figures, size_t count, const char *folder)
{
    struct scale scale = scale_of(figures, count);
    double places;

    print_frame(out, figures[0]->kase, folder,
                FRAME_HEIGHT + BAR_HEIGHT * ((unsigned)count + headings_of(figures, count)));
    places = print_bars(out, figures, count, scale.low);
    print_scale(out, figures[0]->kase, scale);
    fprintf(out,
            "set yrange [%g:-0.7]\nset grid noytics xtics\nset style fill solid 1.0 noborder\nunset key\n"
            "plot $bars using 3:1:3:2:($1-0.36):($1+0.36):6:ytic(4) with boxxyerror linecolor rgb variable, "
            "$bars using 2:1:5 with labels left offset 0.7,0 textcolor rgb '" TEXT "'\n",
            places - 0.3);
}

/* ---- curves ---- */

/* The points of a peer, as $curveK. False if it has none. */
static bool print_points(FILE *out, const struct row **figures, size_t count, const struct bench_peer *peer, unsigned k)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (figures[i]->peer != peer)
            continue;
        if (!any)
            fprintf(out, "$curve%u << END\n", k);
        fprintf(out, "%zu %g\n", figures[i]->size, figures[i]->median);
        any = true;
    }
    if (any)
        fputs("END\n", out);
    return any;
}

/* libcoro is blue, its variants are dashed; the others have the colour of their turn. */
static void print_curve(FILE *out, const struct bench_peer *peer, unsigned k)
{
    bool ours = peer->role == BENCH_OURS;
    unsigned colour = ours ? OURS : palette[k % (sizeof palette / sizeof *palette)];

    fprintf(out, "%s$curve%u using 1:2 with linespoints lw %g dt %d pt %u ps 0.7 linecolor rgb 0x%06x title '%s'",
            k == 0 ? "plot " : ", \\\n", k, ours ? 3.0 : 1.6, ours && peer != bench_peers[0] ? 2 : 1, k + 4, colour,
            peer->name);
}

static void plot_curves(FILE *out, const struct row **figures, size_t count, const char *folder)
{
    const struct bench_case *kase = figures[0]->kase;
    const struct bench_peer *drawn[32];
    unsigned curves = 0;

    print_frame(out, kase, folder, CURVE_HEIGHT);
    print_decades(out, 'x');
    print_decades(out, 'y');
    fprintf(out,
            "set xlabel '%s' textcolor rgb '" TEXT "'\n"
            "set ylabel '%s' textcolor rgb '" TEXT "'\n"
            "set key outside right top reverse Left samplen 2 textcolor rgb '" TEXT "'\n"
            "set offsets graph 0.02, graph 0.02, 0, 0\n",
            kase->size_is, kase->what);
    for (const struct bench_peer *const *peer = bench_peers; *peer != NULL && curves < 32; peer++)
        if (print_points(out, figures, count, *peer, curves))
            drawn[curves++] = *peer;
    for (unsigned k = 0; k < curves; k++)
        print_curve(out, drawn[k], k);
    fputc('\n', out);
}

/* ---- all of them ---- */

static void plot_case(FILE *out, const struct results *results, size_t first, size_t end, const char *folder)
{
    size_t count;
    const struct row **figures = figures_of(results, first, end, &count);

    if (count != 0 && sizes_in(results, first, end) >= CURVE_FROM)
        plot_curves(out, figures, count, folder);
    else if (count != 0)
        plot_bars(out, figures, count, folder);
    free(figures);
}

int report_plots(const struct results *results, const char *folder)
{
    FILE *gnuplot;

    if (system("command -v gnuplot >/dev/null") != 0) {
        fputs("coro-bench: no plots: there is no gnuplot (Debian package gnuplot-nox)\n", stderr);
        return -1;
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        perror(folder);
        return -1;
    }
    gnuplot = popen("gnuplot", "w");
    if (gnuplot == NULL)
        return -1;
    for (size_t first = 0, end; first < results->count; first = end) {
        end = results_case_end(results, first);
        plot_case(gnuplot, results, first, end, folder);
    }
    return pclose(gnuplot) == 0 ? 0 : -1;
}
