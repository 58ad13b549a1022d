/*
 * A frame of C, whose cleanup an unwinder has to run.
 */
#ifndef TESTS_SUPPORT_C_FRAME_H
#define TESTS_SUPPORT_C_FRAME_H

#ifdef __cplusplus
extern "C" {
#endif

/* Call fn(arg); cleanup(arg) is called when that returns, and when it is left in any other way. */
void c_frame(void (*fn)(void *), void (*cleanup)(void *), void *arg);

#ifdef __cplusplus
}
#endif

#endif
