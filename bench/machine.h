/* machine.h: what the figures were taken on. No host names, no paths: the text may be published. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

struct fact {
    const char *name;
    char text[320];
};

enum { FACTS = 8 };

/* Fills in what is known and ends with a name of NULL. */
void machine_facts(struct fact facts[FACTS]);

/* The load of the last minute by other programs, in processors. */
double machine_load(void);

#endif
