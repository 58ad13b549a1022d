/*
 * progress.h: what is going on, on standard error. On a terminal one line that is rewritten; elsewhere one line a case.
 */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

void progress_case(const char *title);
void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void); /* the case is done: the line goes away */

#endif
