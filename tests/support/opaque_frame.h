/*
 * A frame that no unwinder can see through: assembly without call frame information.
 */
#ifndef TESTS_SUPPORT_OPAQUE_FRAME_H
#define TESTS_SUPPORT_OPAQUE_FRAME_H

void call_through_opaque_frame(void (*fn)(void *), void *arg);

#endif
