/*
 * A frame that no unwinder can see through: assembly without call frame information.
 */
#ifndef TESTS_SUPPORT_OPAQUE_FRAME_H
#define TESTS_SUPPORT_OPAQUE_FRAME_H

#ifdef __cplusplus
extern "C" {
#endif

void call_through_opaque_frame(void (*fn)(void *), void *arg);

#ifdef __cplusplus
}
#endif

#endif
