/*
 * The cases. First those about coroutines: a round trip is one resume and the yield that answers it; nobody passes values or looks
 * at them, but in the last two of these, which are about values. Then those about tasks, which a scheduler runs.
 */
#include "bench.h"

const struct bench_case bench_cases[] = {
    {.name = "switch",
     .title = "Resume and yield",
     .what = "ns a round trip",
     .about = "A round trip in a tight loop, without floating-point control words where a peer can leave them out.",
     .sizes = {1}},
    {.name = "switch-fp",
     .title = "Resume and yield, floating-point control words kept",
     .what = "ns a round trip",
     .about =
         "The same between contexts that each have a rounding mode and exception masks of their own. Only peers that "
         "keep these apart.",
     .sizes = {1}},
    {.name = "switch-helper",
     .title = "Resume and yield, each behind a function",
     .what = "ns a round trip",
     .about = "The same as the first, but resume and yield are each called by one function that the loop calls: as in "
              "programs "
              "that do more than switch.",
     .sizes = {1}},
    {.name = "robin",
     .title = "Many coroutines in turn",
     .what = "ns a round trip",
     .about =
         "A round trip, with the next coroutine each time. What grows is the price of memory: stacks and bookkeeping "
         "that are in no cache any more. The rows \"ahead\" have the memory of those that come soon fetched in "
         "advance.",
     .size_is = "coroutines",
     .sizes = {2, 10, 100, 1000, 10000, 100000, 1000000}},
    {.name = "create",
     .title = "Create, run, destroy",
     .what = "ns a coroutine",
     .about = "A coroutine whose function returns at once, one after the other: stacks are recycled.",
     .sizes = {1}},
    {.name = "create-fresh",
     .title = "Create on fresh memory",
     .what = "ns a coroutine",
     .about = "Coroutines that all stay alive, each on a new stack with a guard, each run up to its first yield: "
              "mapping, guard "
              "and first page fault included. Not timed: giving everything back to the kernel after every 2,000.",
     .batch = 2000,
     .sizes = {1}},
    {.name = "unwind",
     .title = "Destroy in the middle",
     .what = "ns a coroutine",
     .about = "A coroutine that is suspended some frames deep is destroyed, and the cleanup of every frame runs.",
     .size_is = "frames",
     .batch = 500,
     .sizes = {1, 16}},
    {.name = "memory",
     .title = "Memory of a live coroutine",
     .what = "KiB a coroutine",
     .about = "Resident memory and page tables of a process with so many coroutines, each suspended after a first "
              "yield, less "
              "what the process had before, for each of them.",
     .size_is = "coroutines",
     .unit = BENCH_KIB,
     .sizes = {10000, 100000, 1000000}},
    {.name = "generator",
     .title = "A value of a generator",
     .what = "ns a value",
     .about = "A generator yields 1,000 numbers of an array, one by one, and a loop adds them up: making the generator "
              "and its end included.",
     .sizes = {1000}},
    {.name = "pipeline",
     .title = "A pipeline of five stages",
     .what = "ns an item",
     .about = "1,000 numbers of an array, one by one: a source yields x, a map x * 3 + 1, a map x ^ x >> 7, a map with "
              "memory the sum of all x so far, and a loop adds those up. Making the stages and their end included.",
     .sizes = {1000}},
    {.name = "sched-yield",
     .title = "Tasks that take turns",
     .what = "ns a switch of tasks",
     .about = "Tasks that are all ready, and do nothing but let the next one run.",
     .size_is = "tasks",
     .in_task = true,
     .sizes = {2, 1000, 100000}},
    {.name = "sched-yield-calls",
     .title = "Tasks that take turns, within three functions",
     .what = "ns a switch of tasks",
     .about =
         "The same where a task calls a function that calls another one that calls the one that lets the next task "
         "run: as in programs that do more than take turns.",
     .size_is = "tasks",
     .in_task = true,
     .sizes = {2, 1000}},
    {.name = "spawn-join",
     .title = "Spawn and join",
     .what = "ns a task",
     .about = "Tasks that return at once are spawned, so many at a time, and then joined.",
     .size_is = "tasks",
     .in_task = true,
     .sizes = {1, 1000}},
    {.name = "spawn-join-calls",
     .title = "Spawn and join, within three functions",
     .what = "ns a task",
     .about = "One task at a time is spawned and joined by a function that is called by one that is called by another "
              "one: as in programs that do more than spawn.",
     .in_task = true,
     .sizes = {1}},
    {.name = "skynet",
     .title = "A tree of 1,000,000 leaves",
     .what = "ms for the tree",
     .about = "Skynet: a task spawns ten tasks, each of which does so too, down to a million leaves that return their "
              "number; each adds up what its ten return. The sum is checked. Where a scheduler can run the youngest "
              "task first, few are alive at any time; elsewhere all leaves are.",
     .unit = BENCH_MS,
     .sizes = {1000000}},
    {.name = "sleepers",
     .title = "100,000 sleepers",
     .what = "ms of processor time",
     .about =
         "100,000 tasks are spawned, each sleeps once for 1 to 100 ms, as pseudo-random numbers have it, and all are "
         "joined. The processor time of the whole process is what counts, the kernel's included.",
     .unit = BENCH_CPU_MS,
     .sizes = {100000}},
    {.name = "chan-rendezvous",
     .title = "A channel where sender and receiver meet",
     .what = "ns a message",
     .about = "One task sends numbers over a channel without a buffer, another one receives and adds them up. The sum "
              "is checked.",
     .in_task = true,
     .sizes = {1}},
    {.name = "chan-buffered",
     .title = "A channel with a buffer of 128",
     .what = "ns a message",
     .about = "The same over a channel that holds 128 messages.",
     .in_task = true,
     .sizes = {1}},
    {.name = "select",
     .title = "A select over channels",
     .what = "ns a message",
     .about = "As many tasks as channels send numbers, each over a channel of its own without a buffer; another one "
              "receives from whichever channel has one, and adds them up.",
     .size_is = "channels",
     .in_task = true,
     .sizes = {2, 16}},
    {.name = "mutex",
     .title = "A mutex",
     .what = "ns a lock and unlock",
     .about = "Tasks lock a mutex, let the others run once, and unlock it. One alone, who lets nobody run, finds it "
              "free every time; of eight there are always seven that wait.",
     .size_is = "tasks",
     .in_task = true,
     .sizes = {1, 8}},
    {.name = "sieve",
     .title = "A sieve of channels",
     .what = "ms for the first 2,000 primes",
     .about =
         "A task sends the numbers from 2 to 17,389; each prime that comes out at the end adds a task there that "
         "passes on what it does not divide. That is 2,042,625 messages over channels without a buffer. The primes are "
         "counted.",
     .unit = BENCH_MS,
     .sizes = {2000}},
    {.name = NULL},
};
