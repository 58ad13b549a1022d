#!/usr/bin/env bash
#
# What crawler finds on httpd: every page once, whatever links to it, and in order; dead links; and what becomes of it
# when nobody answers.
#
#     bash crawler.sh HTTPD... -- PROGRAM...

# shellcheck source-path=SCRIPTDIR source=servers.sh
. "$(dirname "$0")/servers.sh"
arguments httpd crawler

www=$work/www
mkdir -p "$www/a/b" "$www/c"
cat >"$www/index.html" <<END
<a href="a">a folder</a> <a href='/c/'>another</a> <A HREF="c/../c/./#part">again</A>
<a href="https://example.org/">elsewhere</a>
<a href="//example.org/">elsewhere</a> <a href="mailto:somebody">no page</a>
<a href="#here">here</a> <a href="">nothing</a>
END
echo '<a href="b/deep.html">deep</a> <a href="../../../..">the root</a>' >"$www/a/index.html"
deep='<a href="../../data.txt">text</a> <a href="gone.html">gone</a> <a href="deep.html?x=1">itself</a>'
echo "$deep" >"$www/a/b/deep.html"
for i in {1..40}; do
    echo "<a href=\"page$(((i * 7) % 40 + 1)).html\">next</a>" >"$www/c/page$i.html"
done
echo '<a href="page1.html">one of forty</a>' >"$www/c/index.html"
echo '<a href="not-followed.html">this is no HTML</a>' >"$www/data.txt"

crawl() # STATUS ARGUMENT...
{
    local status=0
    "${crawler[@]}" --deadline 600 "${@:2}" >"$work/crawled" 2>"$work/complaint" || status=$?
    equal "status of crawler" "$status" "$1"
}

start_server httpd "${httpd[@]}" --port 0 "$www"
url=http://127.0.0.1:$port/
for at_once in 1 5; do
    crawl 1 --at-once "$at_once" "$url"
    sed 's/, [0-9,]* ms$//' "$work/crawled" >"$work/steady"
    grep -v '/c/page' "$work/steady" | diff -u - /dev/fd/3 3<<END || complain "the pages differ"
status         bytes   links  page
   200           256       3  /
   301             0       1  /a
   200            66       2  /a/
   200            98       3  /a/b/deep.html
   200            98       3  /a/b/deep.html?x=1
   404            14       0  /a/b/gone.html
   200            38       1  /c/
   200            48       0  /data.txt

12 pages, 1 errors, 740 bytes
END
    equal "pages of a circle" "$(grep -c '  200  .* 1  /c/page[0-9]*\.html$' "$work/steady")" 4
done
crawl 0 "${url}data.txt"
crawl 0 --pages 3 "${url}c/"
equal "three pages" "$(tail -n 1 "$work/crawled" | cut -d, -f 1)" '3 pages'

# A server that accepts, and sleeps.
kill -STOP "${pids[httpd]}"
crawl 1 --deadline 1 "$url"
kill -CONT "${pids[httpd]}"
grep -Eq '^ +-  +-  +-  /: ' "$work/crawled" || complain "a sleeping server: $(cat "$work/crawled")"
equal "complaint" "$(cat "$work/complaint")" 'crawler: the deadline has passed'
stop httpd
crawl 1 "$url"
grep -q '1 errors' "$work/crawled" || complain "a page of nobody: $(cat "$work/crawled")"
