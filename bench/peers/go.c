/* Go takes its samples itself, in a program of its own: gobench/main.go. */
#include "bench.h"

static const char *version(void)
{
    return BENCH_GO_VERSION;
}

const struct bench_peer bench_peer_go = {
    .name = "Go",
    .what = "goroutines of one processor that hand over with two unbuffered channels; a program of its own",
    .version = version,
    .program = "gobench",
    .works = {{.name = "switch", .note = "no FP words"},
              {.name = "switch-helper", .note = "no FP words"},
              {.name = "robin", .note = "growing stacks"},
              {.name = "create", .note = "growing stacks"},
              {.name = "memory", .note = "growing stacks"},
              {.name = "generator", .note = "a goroutine and a channel"},
              {.name = "pipeline", .note = "a goroutine and a channel a stage"},
              {.name = "sched-yield", .note = "no FP words; growing stacks"},
              {.name = "sched-yield-calls", .note = "no FP words; growing stacks"},
              {.name = "spawn-join", .note = "a channel or a WaitGroup"},
              {.name = "spawn-join-calls", .note = "a channel"},
              {.name = "skynet", .note = "a channel for the ten"},
              {.name = "sleepers", .note = "a WaitGroup"},
              {.name = "chan-rendezvous"},
              {.name = "chan-buffered"},
              {.name = "select"},
              {.name = "mutex", .note = "sync.Mutex"},
              {.name = "sieve", .note = "growing stacks"}},
};
