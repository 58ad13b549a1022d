/*
 * A frame of 300 KiB, of which only the lowest bytes are touched: built without -fstack-clash-protection, so that nothing stops it
 * at a guard.
 */
#ifndef TESTS_SUPPORT_LEAPING_FRAME_H
#define TESTS_SUPPORT_LEAPING_FRAME_H

int leap(int n);

#endif
