/*
 * Requests to valgrind, which do nothing where its headers are missing or nobody listens.
 */
#ifndef TESTS_SUPPORT_TOOLS_H
#define TESTS_SUPPORT_TOOLS_H

#if defined(__has_include)
#    if __has_include(<valgrind/valgrind.h>)
#        include <valgrind/valgrind.h>
#    endif
#endif

#ifndef RUNNING_ON_VALGRIND
#    define RUNNING_ON_VALGRIND   0
#    define VALGRIND_COUNT_ERRORS 0u
#    define VALGRIND_DISABLE_ERROR_REPORTING
#    define VALGRIND_ENABLE_ERROR_REPORTING
#endif

#endif
