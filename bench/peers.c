/* The peers of this build, as CMakeLists.txt found them: peers.inc has a line a peer. */
#include "bench.h"

#define PEER(symbol) extern const struct bench_peer bench_peer_##symbol;
#define ABSENT(name, why)
#include "peers.inc"
#undef PEER
#undef ABSENT

const struct bench_peer *const bench_peers[] = {
#define PEER(symbol) &bench_peer_##symbol,
#define ABSENT(name, why)
#include "peers.inc"
#undef PEER
#undef ABSENT
    NULL,
};

const struct bench_absent bench_absents[] = {
#define PEER(symbol)
#define ABSENT(name, why) {name, why},
#include "peers.inc"
    {NULL, NULL},
};
