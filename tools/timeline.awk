# Draws what timeline.jq has read. Variables: from, to in microseconds, to empty for the end; tasks, the most; width in pixels. In the
# environment: title. The colours can be read on white and on black, and the background is transparent.

function escaped(text)
{
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    gsub(/[\001-\037\177]/, "?", text)
    return text
}

# What @tsv has escaped, and what XML cannot have.
function clean(field)
{
    gsub(/[\001-\037\177]|\357\277[\276\277]/, "?", field)
    gsub(/\\\\/, "\001", field)
    gsub(/\\[tnr]/, "?", field)
    gsub(/\001/, "\\", field)
    return field
}

# Three digits, and the unit that makes them readable.
function duration(us)
{
    if (us < 0.9995)
        return sprintf("%.0f ns", us * 1000)
    if (us < 999.5)
        return sprintf("%.3g µs", us)
    if (us < 999500)
        return sprintf("%.3g ms", us / 1000)
    return sprintf("%.3g s", us / 1e6)
}

# A moment, as fine as a step of the axis.
function moment(us, step,   unit, scale, digits)
{
    unit = to < 1 ? "ns" : to < 1000 ? "µs" : to < 1e6 ? "ms" : "s"
    scale = unit == "ns" ? 1e-3 : unit == "µs" ? 1 : unit == "ms" ? 1e3 : 1e6
    for (digits = 0; digits < 9 && step / scale * 10 ^ digits < 0.999; digits++)
        ;
    return sprintf("%." digits "f %s", us / scale, unit)
}

function x_of(us)
{
    return plot_x + (us - from) / (to - from) * plot_width
}

function grouped(n,   text)
{
    for (text = n; match(text, /^[0-9]*[0-9][0-9][0-9][0-9]/);)
        text = substr(text, 1, RLENGTH - 3) "," substr(text, RLENGTH - 2)
    return text
}

# ---- what is in the time to be drawn -----------------------------------------------------------------------------------------

function clip(   i, begin, end)
{
    for (i = 1; i <= slices; i++) {
        begin = slice_begin[i]
        end = slice_end[i]
        if (end <= from || begin >= to)
            continue
        seen[slice_track[i]]
        if (slice_kind[i] == "run")
            busy[slice_track[i]] += (end < to ? end : to) - (begin > from ? begin : from)
    }
}

# The schedulers, then the tasks that ran longest; in the order in which they came.
function choose(   track, n, best, i, j)
{
    for (track in seen)
        if (track in is_scheduler)
            schedulers++
        else
            all_tasks++
    for (n = 0; n < tasks; n++) {
        best = ""
        for (track in seen)
            if (!(track in is_scheduler) && !(track in row_of) &&
                (best == "" || busy[track] > busy[best] || (busy[track] == busy[best] && order[track] < order[best])))
                best = track
        if (best == "")
            break
        row_of[best] = 0
    }
    drawn_tasks = n
    for (track in seen)
        if (track in is_scheduler && order[track] <= order_of_scheduler(tasks))
            row_of[track] = 0
    for (track in row_of) {
        for (j = rows++; j > 0 && order[row[j]] > order[track]; j--)
            row[j + 1] = row[j]
        row[j + 1] = track
    }
    for (i = 1; i <= rows; i++)
        row_of[row[i]] = i
}

# The place of the nth scheduler, of the last if there are fewer.
function order_of_scheduler(n,   i, count, last)
{
    for (i = 1; i <= tracks && count < n; i++)
        if (track_at[i] in is_scheduler && track_at[i] in seen) {
            last = i
            count++
        }
    return last
}

# ---- slices ------------------------------------------------------------------------------------------------------------------

# What is less than a pixel apart is one.
function draw_slices(kind, most_apart, least_width,   i, track, x1, x2)
{
    split("", pending)
    for (i = 1; i <= slices; i++) {
        track = slice_track[i]
        if (slice_kind[i] != kind || !(track in row_of) || slice_end[i] <= from || slice_begin[i] >= to)
            continue
        x1 = x_of(slice_begin[i] > from ? slice_begin[i] : from)
        x2 = x_of(slice_end[i] < to ? slice_end[i] : to)
        if (track in pending && x1 - pending_x2[track] >= most_apart)
            draw_slice(track, kind, least_width)
        if (!(track in pending)) {
            pending[track] = 0
            pending_time[track] = 0
            pending_first[track] = i
            pending_x1[track] = x1
        }
        pending[track]++
        pending_x2[track] = x2
        pending_time[track] += slice_end[i] - slice_begin[i]
    }
    for (i = 1; i <= rows; i++)
        if (row[i] in pending)
            draw_slice(row[i], kind, least_width)
}

function draw_slice(track, kind, least_width,   i, x, y, w, about)
{
    i = pending_first[track]
    x = pending_x1[track]
    w = pending_x2[track] - x
    y = middle(row_of[track])
    about = title_of[track] ": "
    if (pending[track] == 1)
        about = about clean(slice_name[i]) ", " duration(slice_end[i] - slice_begin[i]) \
            (slice_at[i] != "" ? ", at " clean(slice_at[i]) : "")
    else
        about = about pending[track] " times " kind ", " duration(pending_time[track]) " together"
    about = about "; from " moment(slice_begin[i], (to - from) / 1000)
    delete pending[track]
    if (w < least_width) {
        if (kind != "run")
            return
        w = least_width
    }
    if (kind == "run")
        printf "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>%s</title></rect>\n", x, y - BAR / 2, w, BAR, about
    else if (kind == "ready")
        printf "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"5\"><title>%s</title></rect>\n", x, y - 2, w, about
    else
        draw_line(x, y, w, about, kind == "wait" && slice_name[i] ~ /^waits / ? clean(substr(slice_name[i], 7)) : "")
}

# Thin; a box around it that is not seen shows what it is about. The reason is written above it where there is room.
function draw_line(x, y, w, about, reason)
{
    printf "<g><title>%s</title><rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" stroke=\"none\"/><path d=\"M%.1f %dh%.1f\"/></g>\n",
        about, x, y - BAR / 2, w, BAR, x, y, w
    if (reason != "" && length(reason) * 5.2 + 8 < w)
        reasons[++reason_count] = sprintf("<text x=\"%.1f\" y=\"%d\">%s</text>", x + w / 2, y - 3, reason)
}

# ---- arrows ------------------------------------------------------------------------------------------------------------------

function is_drawn(i)
{
    return (arrow_from[i] in row_of) && (i in arrow_to) && (arrow_to[i] in row_of) && arrow_end[i] > from && arrow_begin[i] < to
}

# Of those between the same rows only one in so many pixels, so many that there are not more than can be told apart.
function draw_arrows(   n, apart, taken, place, kept, i, count)
{
    for (apart = 3; apart < 2 * width; apart *= 2) {
        split("", taken)
        split("", kept)
        count = all_arrows = 0
        for (n = 1; n <= arrows; n++) {
            i = arrow[n]
            if (!is_drawn(i))
                continue
            all_arrows++
            place = arrow_from[i] " " arrow_to[i] " " int(x_of(arrow_end[i]) / apart)
            if (!(place in taken)) {
                taken[place]
                kept[++count] = i
            }
        }
        if (count <= ARROWS_MOST)
            break
    }
    drawn_arrows = count < ARROWS_MOST ? count : ARROWS_MOST
    for (n = 1; n <= drawn_arrows; n++)
        draw_arrow(kept[n])
}

function draw_arrow(i,   x1, y1, x2, y2, down, ours)
{
    x1 = x_of(arrow_begin[i] > from ? arrow_begin[i] : from)
    x2 = x_of(arrow_end[i] < to ? arrow_end[i] : to)
    y1 = middle(row_of[arrow_from[i]])
    y2 = middle(row_of[arrow_to[i]])
    down = y2 > y1 ? 1 : -1
    ours = !(arrow_from[i] in is_scheduler)
    printf "<path stroke=\"%s\" marker-end=\"url(#%s)\" d=\"M%.1f %dL%.1f %d\"><title>%s wakes %s, %s</title></path>\n",
        ours ? WAKES : BY_SCHEDULER, ours ? "wakes" : "by", x1, y1 + down * BAR / 2, x2, y2 - down * (BAR / 2 + 1),
        title_of[arrow_from[i]], title_of[arrow_to[i]], moment(arrow_begin[i], (to - from) / 1000)
}

# ---- the frame ---------------------------------------------------------------------------------------------------------------

function middle(r)
{
    return TOP + (r - 0.5) * ROW
}

# In steps of 1, 2 or 5 times a power of ten, which are at least 80 pixels wide.
function draw_axis(   least, step, at, bottom, n)
{
    least = (to - from) * 80 / plot_width
    for (step = 1e-3; step < least; step *= 10)
        ;
    step = step / 5 >= least ? step / 5 : step / 2 >= least ? step / 2 : step
    bottom = TOP + rows * ROW
    printf "<g stroke=\"%s\" stroke-width=\"0.4\" stroke-dasharray=\"2 4\">\n", TEXT
    for (n = ceiling(from / step); (at = n * step) <= to; n++)
        printf "<path d=\"M%.1f %dV%d\"/>\n", x_of(at), TOP, bottom
    printf "</g>\n<g fill=\"%s\" text-anchor=\"middle\" font-size=\"12\">\n", TEXT
    for (n = ceiling(from / step); (at = n * step) <= to; n++)
        printf "<text x=\"%.1f\" y=\"%d\">%s</text>\n", x_of(at), bottom + 18, moment(at, step)
    print "</g>"
}

function ceiling(x)
{
    return int(x) < x ? int(x) + 1 : int(x)
}

function draw_names(   i)
{
    printf "<g fill=\"%s\" text-anchor=\"end\">\n", TEXT
    for (i = 1; i <= rows; i++)
        printf "<text x=\"%d\" y=\"%d\"><title>%s</title>%s</text>\n", plot_x - 10, middle(i) + 4,
            title_of[row[i]] (created_at[row[i]] != "" ? ", created at " created_at[row[i]] : ""), name_of[row[i]]
    print "</g>"
}

function legend_text(x, y, text)
{
    printf "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", x, y + 4, TEXT, text
}

function draw_legend(y,   x)
{
    x = plot_x
    print "<g font-size=\"12\">"
    printf "<rect x=\"%d\" y=\"%d\" width=\"22\" height=\"%d\" fill=\"%s\"/>\n", x, y - BAR / 2, BAR, RUN
    legend_text(x + 28, y, "runs")
    x += 76
    printf "<rect x=\"%d\" y=\"%d\" width=\"22\" height=\"5\" fill=\"%s\"/>\n", x, y - 2, READY
    legend_text(x + 28, y, "ready")
    x += 84
    printf "<path d=\"M%d %dh22\" stroke=\"%s\"/>\n", x, y, WAIT
    legend_text(x + 28, y, "waits")
    x += 82
    printf "<path d=\"M%d %dh20\" stroke=\"%s\" marker-end=\"url(#wakes)\"/>\n", x, y, WAKES
    legend_text(x + 28, y, "wakes")
    if (schedulers != 0 && plot_width > 420) {
        x += 86
        printf "<path d=\"M%d %dh20\" stroke=\"%s\" marker-end=\"url(#by)\"/>\n", x, y, BY_SCHEDULER
        legend_text(x + 28, y, "time or input does")
    }
    print "</g>"
}

function draw_marker(id, colour)
{
    printf "<marker id=\"%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" " \
        "markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1L8 4L0 7z\" fill=\"%s\"/></marker>\n", id, colour
}

function left_out(   text)
{
    if (drawn_tasks < all_tasks)
        text = text "; the busiest " drawn_tasks " of " grouped(all_tasks) " tasks"
    if (drawn_arrows < all_arrows)
        text = text "; " drawn_arrows " of " grouped(all_arrows) " arrows"
    if (lost != 0)
        text = text "; " grouped(lost) (lost == 1 ? " turn" : " turns") " not recorded"
    return text
}

function fail(message)
{
    print "timeline: " message >"/dev/stderr"
    failed = 1
    exit 1
}

BEGIN {
    TOP = 40; ROW = 26; BAR = 14; ARROWS_MOST = 400
    TEXT = "#7d8590"; RUN = "#2f81f7"; READY = "#c98a1b"; WAIT = "#8b949e"; WAKES = "#a371f7"; BY_SCHEDULER = "#57a773"
}

$1 == "E" { fail(clean($2)) }
$1 == "P" { process = clean($2) }
$1 == "N" && !($2 in order) {
    order[$2] = ++tracks
    track_at[tracks] = $2
}
$1 == "N" {
    name_of[$2] = clean($3)
    name_length[$2] = $4
    title_of[$2] = clean($5)
    created_at[$2] = clean($6)
}
$1 == "X" && $2 in order {
    slice_track[++slices] = $2
    slice_kind[slices] = $3
    slice_begin[slices] = $4
    slice_end[slices] = $4 + $5
    slice_name[slices] = $6
    slice_at[slices] = $7
    runs += $3 == "run"
    if ($3 == "between rounds")
        is_scheduler[$2]
    if ($4 + $5 > last)
        last = $4 + $5
}
$1 == "S" {
    arrow[++arrows] = $4
    arrow_from[$4] = $2
    arrow_begin[$4] = $3
}
$1 == "F" {
    arrow_to[$4] = $2
    arrow_end[$4] = $3
}
$1 == "L" { lost += $4 }

END {
    if (failed)
        exit 1
    if (runs == 0)
        fail("there are no slices of tasks")
    from += 0
    to = to == "" ? last : to + 0
    if (from >= to || from >= last)
        fail("nothing lies between " duration(from) " and " duration(to) ": the timeline is " duration(last) " long")
    clip()
    choose()
    if (rows == 0)
        fail("no task did anything between " duration(from) " and " duration(to))
    for (i = 1; i <= rows; i++)
        if (name_length[row[i]] > longest)
            longest = name_length[row[i]]
    plot_x = int(longest * 7.3) + 24
    plot_width = width - plot_x - 30
    height = TOP + rows * ROW + 64

    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" ", width, height, width, height
    print "font-family=\"sans-serif\" font-size=\"13\" fill=\"none\">"
    print "<defs>"
    draw_marker("wakes", WAKES)
    draw_marker("by", BY_SCHEDULER)
    print "</defs>"
    draw_axis()
    print "<g stroke=\"" WAIT "\" stroke-width=\"0.8\" pointer-events=\"all\">"
    draw_slices("between rounds", 1, 1)
    draw_slices("wait", 0, 1)
    print "</g>\n<g fill=\"" READY "\">"
    draw_slices("ready", 1, 0.5)
    print "</g>\n<g fill=\"" RUN "\">"
    draw_slices("run", 1, 1.4)
    print "</g>\n<g stroke-width=\"1.1\">"
    draw_arrows()
    print "</g>\n<g fill=\"" TEXT "\" text-anchor=\"middle\" font-size=\"10\" pointer-events=\"none\">"
    for (i = 1; i <= reason_count; i++)
        print reasons[i]
    print "</g>"
    draw_names()
    draw_legend(TOP + rows * ROW + 44)
    printf "<text x=\"%d\" y=\"24\" fill=\"%s\" text-anchor=\"middle\" font-size=\"15\">%s</text>\n", width / 2, TEXT,
        (ENVIRON["title"] != "" ? escaped(ENVIRON["title"]) : process ", " duration(to - from)) left_out()
    print "</svg>"
}
