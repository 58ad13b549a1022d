# What csv makes of malformed text: what came before the error is printed, then line, column and reason; the status is 1.
#
#     sh csv_errors.sh PROGRAM...
set -eu

fail=0
check() # TEXT PRINTED MESSAGE, then the program
{
    text=$1 printed=$2 message=$3
    shift 3
    status=0
    said=$(printf "$text" | "$@" 2>csv_errors.err) || status=$?
    if [ "$status" -ne 1 ] || [ "$said" != "$printed" ] || [ "$(cat csv_errors.err)" != "$message" ]; then
        printf 'of %s: status %s, printed "%s", said "%s"\n' "$text" "$status" "$said" "$(cat csv_errors.err)"
        fail=1
    fi
    rm -f csv_errors.err
}

check 'a,b\n1,2\n3,"4"5\n' '[a] [b]
[1] [2]
[3]' 'stdin:3:6: something follows a closing quote' "$@"
check 'a,b\n1\n' '[a] [b]' 'stdin:2:2: this record has another number of fields than the first' "$@"
check 'a\n"x\ny' '[a]' 'stdin:3:2: the text ends inside quotes' "$@"
check 'a,b"\n' '[a]' 'stdin:1:4: a quote inside a field that does not begin with one' "$@"
check 'a\rb' '' 'stdin:1:3: a carriage return without a line feed' "$@"
exit "$fail"
