/*
 * The server that forks fresh children. Only test.c needs this header; tests call in_fresh_child().
 */
#ifndef TESTS_SUPPORT_CHILDREN_H
#define TESTS_SUPPORT_CHILDREN_H

/* Fork the server. To be called before the library is used for the first time. 0 or -1. */
int children_prepare(void);

#endif
