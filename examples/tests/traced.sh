#!/usr/bin/env bash
#
# Timelines of a pipeline, and of a web server under a little load, by CORO_TRACE alone: valid in the format, and with tasks, waits and
# arrows in them. Then faults are planted in one, each of which must be seen.
#
#     bash traced.sh PIPELINE... [-- HTTPD...]

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"

pipeline=() httpd=()
arguments pipeline httpd

# What is wrong with the events of a timeline, one line each. Of times, which are microseconds, thousandths count: they become integers.
cat >"$work/check.jq" <<'END'
def ns: . * 1000 | round;
def faults:
    ([.[] | select(.ph == "M" and .name == "thread_name") | .tid]) as $named
    | (.[] | select((.ph | type) != "string" or (.pid | type) != "number" or (.tid | type) != "number" or (.ts | type) != "number")
        | "lacks a member: \(.)"),
      (.[] | select(.ph | IN("X", "s", "f", "C", "M", "i") | not) | "of an unknown kind: \(.)"),
      (.[] | select(.ph == "X" and ((.dur | type) != "number" or .dur < 0 or .name == null)) | "a slice without duration or name: \(.)"),
      (([.[] | select(.ph == "X") | .tid] | unique) - ($named | unique) | .[] | "track \(.) has no name"),
      ([.[] | select(.ph == "M" and .name == "thread_name") | [.tid, .args.name]] | group_by(.)[] | select(length > 1)
        | "track \(.[0][0]) has the same name twice"),
      ([.[] | select(.ph == "X" and .dur != null)] | group_by(.tid)[] | sort_by(.ts)
        | [.[:-1], .[1:]] | transpose[]
        | select((.[0].ts | ns) + (.[0].dur | ns) > (.[1].ts | ns)) | "slices overlap: \(.)"),
      ([.[] | select(.ph == "s" or .ph == "f")] | group_by(.id)[] | select(([.[].ph] | sort) != ["f", "s"]) | "half an arrow: \(.)"),
      ([.[] | select(.ph == "s" or .ph == "f")] | group_by(.id)[] | select(length == 2) | sort_by(.ph) | select(.[1].ts > .[0].ts)
        | "an arrow into the past: \(.)");
END

faults() # FILE
{
    jq -r "$(cat "$work/check.jq") faults" "$1" 2>&1 || echo 'no JSON'
}

valid() # FILE
{
    local found
    found=$(faults "$1" | head -n 5)
    [ -z "$found" ] || complain "${1##*/}: $found"
}

has() # FILE WHAT FILTER: at least one event passes it
{
    jq -e "any(.[]; $3)" "$1" >"$work/any" || complain "${1##*/}: without $2"
}

has_all() # FILE
{
    valid "$1"
    has "$1" 'a task that runs' '.ph == "X" and .cat == "run"'
    has "$1" 'a wait' '.ph == "X" and .cat == "wait" and (.name | startswith("waits "))'
    has "$1" 'the name of main' '.ph == "M" and (.args.name | startswith("main #"))'
    has "$1" 'an arrow' '.ph == "s"'
    has "$1" 'a counter' '.ph == "C" and .args.live > 0'
}

# ---- a pipeline ----

CORO_TRACE=$work/pipeline.json "${pipeline[@]}" "$(dirname "$0")/blocks.txt" >"$work/pipeline.out"
has_all "$work/pipeline.json"
has "$work/pipeline.json" 'a name that a task has given itself' '.ph == "M" and (.args.name | startswith("reader #"))'
has "$work/pipeline.json" 'a channel' '.name == "waits to receive from a channel" and (.args.at | test("pipeline.c:[0-9]+$"))'

# ---- a web server ----

if [ "${#httpd[@]}" -ne 0 ]; then
    mkdir "$work/www"
    seq 1 1000 >"$work/www/numbers.txt"
    CORO_TRACE=$work/httpd.json start_server httpd "${httpd[@]}" --port 0 "$work/www"
    for i in 1 2 3 4 5 6 7 8; do
        curl -sS "http://127.0.0.1:$port/numbers.txt" "http://127.0.0.1:$port/nowhere" >"$work/got.$i"
    done
    stop httpd
    has_all "$work/httpd.json"
    has "$work/httpd.json" 'input' '.name == "waits for input"'
fi

# ---- planted faults ----

planted() # REGEX FILTER: with this done to it the timeline is refused, for that reason
{
    jq -c "$2" "$work/pipeline.json" >"$work/planted.json"
    faults "$work/planted.json" | grep -Eq -- "$1" || complain "not seen: $1"
}

planted '^lacks a member'       'del(first(.[] | select(.ph == "X")).tid)'
planted '^of an unknown kind'   'first(.[] | select(.ph == "X")).ph = "Q"'
planted '^a slice without'      'first(.[] | select(.ph == "X")).dur = -1'
planted '^a slice without'      'del(first(.[] | select(.ph == "X")).dur)'
planted 'has no name$'          'map(select((.args.name | type) != "string" or (.args.name | startswith("main") | not)))'
planted 'the same name twice$'   '. + [first(.[] | select(.name == "thread_name"))]'
planted '^slices overlap'       'first(.[] | select(.ph == "X" and .cat == "run")).dur += 1000000'
planted '^half an arrow'        'del(first(.[] | select(.ph == "f")))'
planted '^an arrow into the'    'first(.[] | select(.ph == "f")).ts = 0'
head -c -40 "$work/pipeline.json" >"$work/cut.json"
faults "$work/cut.json" | grep -q 'no JSON' || complain 'not seen: it is cut off'
