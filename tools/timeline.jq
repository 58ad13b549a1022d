# The events of a trace, sorted by time, as lines of fields with tabs between them (@tsv); names are escaped for XML, times are microseconds
# since the first slice began.
#
#   P  name                                     the process
#   N  track, label, its length, title          the label is short
#   X  track, kind, begin, duration, name, at   a slice
#   S  track, time, arrow                       where an arrow begins
#   F  track, time, arrow                       where it ends
#   L  track, time, turns                       which are left out here
#   E  message                                  what is wrong

def xml: tostring | @html;
def short($most): if length > $most then .[:$most - 1] + "…" else . end;

def track: "\(.pid).\(.tid)";
def is_time: type == "number" and . >= 0;

# A task without a name is called by the line that created it.
def row_name:
    (.["created at"] // "" | tostring | sub(".*/"; "")) as $site
    | (.name // "" | tostring)
    | if $site != "" then sub("^\\(unnamed\\)"; $site) else . end
    | short(26);

def faulty_events: .[] | select(type != "object" or .ph == null) | "E\tthere is an event without a kind";

def faulty_slices:
    .[] | select(.ph == "X" and (.ts | is_time) and (.dur | is_time | not))
    | "E\tthe slice \"\(.name)\" of track \(.tid), which begins at \(.ts) us, has no end";

def faulty_times:
    .[] | select((.ph | . == "X" or . == "s" or . == "f") and (.ts | is_time | not))
    | "E\tan event \"\(.name)\" of track \(.tid) has no time";

def lines($begin):
    def time: .ts - $begin;
    if .ph == "M" and .name == "process_name" then ["P", (.args.name | xml)]
    elif .ph == "M" and .name == "thread_name" then
        (.args | row_name) as $shown
        | ["N", track, ($shown | xml), ($shown | length), (.args | .name, (.["created at"] // "") | xml)]
    elif .ph == "X" then ["X", track, (.cat // .name), time, .dur, (.name | xml), (.args.at // "" | xml)]
    elif .ph == "s" then ["S", track, time, .id]
    elif .ph == "f" then ["F", track, time, .id]
    elif .ph == "i" and .cat == "lost" then ["L", track, time, .args.turns]
    else empty end
    | @tsv;

if length != 1 then "E\tthere is more, or less, than one list of events"
else
    .[0] | if type == "object" then .traceEvents else . end
    | if type != "array" then "E\tthere is no list of events"
      else
          (first(faulty_events) // first(faulty_times) // first(faulty_slices))
          // (([.[] | select(.ph == "X") | .ts] | min) as $begin
              | if $begin == null then "E\tthere are no slices" else sort_by(.ts // 0)[] | lines($begin) end)
      end
end
