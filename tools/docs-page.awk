# A page of Markdown as doxygen wants it: headings have anchors that are unique in the whole site, links to headings, headers and
# folders lead to what the site has for them.

function slug(text)
{
    text = tolower(text)
    gsub(/[^a-z0-9 -]/, "", text)
    gsub(/ /, "-", text)
    return text
}

BEGIN {
    page = ARGV[1]
    gsub(/^.*\/|\.md$/, "", page)
}

/^```/ { in_code = !in_code }
in_code { print; next }

/^# / { gsub(/`/, "") } # titles are plain text

{ gsub(/\]\(\.\.\/plots\//, "](plots/") } # pictures are looked for from docs on

/^##+ / {
    title = $0
    sub(/^#+ /, "", title)
    $0 = $0 " {#" page "-" slug(title) "}"
}
# The pages that the first one names in its table, or by their beginning, are below it.
page == "index" {
    while (match($0, /\[[^]]*\]\([a-z-]*\.md\)/)) {
        link = substr($0, RSTART, RLENGTH)
        text = link
        gsub(/^.*\(|\.md\)$/, "", link)
        gsub(/^\[|\].*/, "", text)
        gsub(/-/, "_", link)
        $0 = substr($0, 1, RSTART - 1) (named[link]++ ? "@ref" : "@subpage") " md_docs_guide_" link " \"" text "\"" substr($0, RSTART + RLENGTH)
    }
}
{
    while (match($0, /\[`[^`]*`\]\([^):]*\.md/)) { # the text of a reference is plain
        link = substr($0, RSTART, RLENGTH)
        gsub(/`/, "", link)
        $0 = substr($0, 1, RSTART - 1) link substr($0, RSTART + RLENGTH)
    }
    while (match($0, /\]\([^):]*\.md#[^)]*\)/)) {
        link = substr($0, RSTART, RLENGTH)
        gsub(/^\]\((.*\/)?|\)$/, "", link)
        sub(/\.md#/, "-", link)
        $0 = substr($0, 1, RSTART - 1) "](@ref " link ")" substr($0, RSTART + RLENGTH)
    }
    while (match($0, /\]\([.\/]*include\/coro[a-z\/_]*\.h\)/)) {
        link = substr($0, RSTART, RLENGTH)
        gsub(/^.*include\/|\)$/, "", link)
        $0 = substr($0, 1, RSTART - 1) "](@ref " link ")" substr($0, RSTART + RLENGTH)
    }
    while (match($0, /\[[^]]*\]\([^)]*\.hpp\)/)) {
        link = substr($0, RSTART, RLENGTH)
        gsub(/^\[|\].*/, "", link)
        $0 = substr($0, 1, RSTART - 1) link substr($0, RSTART + RLENGTH)
    }
    sub(/\[examples\/\]\([.\/]*examples\)/, "`examples/`")
    gsub(/\]\([.\/]*(docs\/)?(guide|design)\/?\)/, "](pages.html)")
    gsub(/\]\([.\/]*include\/coro\/?\)/, "](files.html)")
    print
}
