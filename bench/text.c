/* Numbers as people read them. */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct text text_count(uint64_t n)
{
    struct text out = {""};
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *p = out.text;

    for (size_t i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0)
            *p++ = ',';
        *p++ = digits[i];
    }
    return out;
}

struct text text_value(double value)
{
    struct text out = {""};

    if (isnan(value))
        return out;
    if (value >= 99.95)
        return text_count((uint64_t)(value + 0.5));
    snprintf(out.text, sizeof out.text, value < 9.995 ? "%.2f" : "%.1f", value);
    return out;
}

struct text text_ratio(double ratio)
{
    struct text out = text_value(ratio);

    if (out.text[0] != '\0')
        strcat(out.text, "x");
    return out;
}

struct text text_size(const struct row *row)
{
    struct text count = text_count(row->size), out = {""};

    if (row->kase->size_is == NULL)
        return out;
    snprintf(out.text, sizeof out.text, "%.24s %.20s", count.text, row->kase->size_is);
    if (row->size == 1)
        out.text[strlen(out.text) - 1] = '\0'; /* the s of a plural */
    return out;
}

void text_note(const struct row *row, char *out, size_t size)
{
    const char *note = row->work->note != NULL ? row->work->note : "";

    if (row->missing != NULL)
        snprintf(out, size, "%s", row->missing);
    else if (row->ready < (long)row->size)
        snprintf(out, size, "ends at %s%s%s", text_count((uint64_t)row->ready).text, *note != '\0' ? "; " : "", note);
    else
        snprintf(out, size, "%s", note);
}

const char *text_unit(const struct bench_case *kase)
{
    return kase->unit == BENCH_KIB ? "KiB" : kase->unit == BENCH_NS ? "ns" : "ms";
}
