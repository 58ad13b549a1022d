/*
 * Calls that fail when they are told to. test_faults is linked so that the library's and the test's own calls of malloc(), mmap()
 * and so on come here first (ld --wrap).
 */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* To be called first in main(). Keys of thread-specific data that are made before are a sanitizer's, and never fail. */
void faults_begin(void);

/* From now on let n calls pass and fail the one after them. */
void faults_arm(size_t n);

/* The same, and once more after another m calls. */
void faults_arm_pair(size_t n, size_t m);

/* How many have failed since. */
int faults_injected(void);

/* Was there one to fail? Nothing fails any more. What munmap() was made to leave behind is unmapped now. */
bool faults_disarm(void);

/* The name of the call that failed. */
const char *faults_last(void);

/* How madvise(MADV_GUARD_INSTALL) behaves, whether armed or not. */
enum guard_advice {
    ADVICE_AS_IS,
    ADVICE_REFUSED,      /* EINVAL: an old kernel */
    ADVICE_LIES,         /* 0, and does nothing: an emulator */
    ADVICE_REFUSED_LATE, /* as is the first time (a probe), EINVAL afterwards: locked memory */
};
void faults_set_advice(enum guard_advice advice);

/* So many calls of write() are interrupted (EINTR), and the ones after them fail with `err` if it is not 0; armed or not. */
void faults_set_write(int interrupted, int err);

/* What the library reads of /proc is this text, whether armed or not; NULL: as it is. */
void faults_set_proc(const char *text);

/* sigaltstack() sets no stack; a signal cannot be queued by syscall(), as in a sandbox. Whether armed or not. */
void faults_forbid_signal_stacks(bool forbidden);
void faults_forbid_queueing(bool forbidden);

/* There is no process_madvise(), whether armed or not. */
void faults_forbid_batches(bool forbidden);

/* mprotect() fails always, whether armed or not. */
void faults_forbid_mprotect(bool forbidden);

/* What is out at the moment. */
struct balance {
    long blocks; /* of malloc() and the like */
    long bytes;  /* of mmap() */
    long keys;   /* of pthread_key_create(), ever */
};
struct balance faults_balance(void);

#endif
