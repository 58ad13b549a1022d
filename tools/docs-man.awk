# Manual pages, DIRECTORY/NAME.3 for each function of a header that tools/docs-filter.awk has gone over. Variables: out, the directory;
# version, of the library; header, as it is included.

function say(text) { print text >page }

# Text in the words of troff.
function escaped(text)
{
    gsub(/\\\\/, "\\", text)
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/^[.']/, "\\\\\\&&", text)
    return text
}

function marked(text,   out, start)
{
    text = escaped(text)
    while (match(text, /`[^`]*`/)) {
        out = out substr(text, 1, RSTART - 1) "\\fI" substr(text, RSTART + 1, RLENGTH - 2) "\\fP"
        text = substr(text, RSTART + RLENGTH)
    }
    text = out text
    out = ""
    while (match(text, /coro_[a-z_0-9]*\(\)/)) {
        note_mention(substr(text, RSTART, RLENGTH - 2))
        out = out substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART, RLENGTH - 2) "\\fP()"
        text = substr(text, RSTART + RLENGTH)
    }
    return out text
}

function note_mention(name)
{
    if (name != current && !((current, name) in mentioned)) {
        mentioned[current, name]
        mentions[current] = mentions[current] (mentions[current] == "" ? "" : " ,\n") ".BR " name " (3)"
    }
}

function section(title)
{
    if (title != in_section)
        say(".SH " title)
    in_section = title
}

function write_page(prototype, line, n,   i, text, brief, code, first)
{
    current = prototype
    sub(/\(.*/, "", current)
    sub(/.*[ *]/, "", current)
    if (current ~ /^coro_gen_/)
        return    # for macros only
    page = out "/" current ".3"
    in_section = ""
    sub(/ *\{?$/, ";", prototype)
    sub(/;;$/, ";", prototype)
    sub(/^static inline /, "", prototype)

    # The first sentence is the brief one.
    for (i = 1; i <= n && line[i] != ""; i++) {
        brief = brief (i > 1 ? " " : "") line[i]
        if (match(brief, /[.:] /) || brief ~ /\.$/)
            break
    }
    first = i
    text = ""
    if (match(brief, /[.:] /)) {
        text = substr(brief, RSTART + 2)
        brief = substr(brief, 1, RSTART - 1)
    }
    sub(/\.$/, "", brief)
    gsub(/`/, "", brief)
    say(".TH " current " 3 \"\" \"libcoro " version "\" \"libcoro manual\"")
    say(".SH NAME\n" current " \\- " tolower(substr(brief, 1, 1)) escaped(substr(brief, 2)))
    say(".SH SYNOPSIS\n.nf\n.B #include <" header ">\n.PP\n.B " escaped(prototype) "\n.fi")
    section("DESCRIPTION")
    say(marked(brief "."))
    if (text != "")
        say(marked(toupper(substr(text, 1, 1)) substr(text, 2)))

    for (i = first + 1; i <= n; i++) {
        if (line[i] ~ /^@param /) {
            section("PARAMETERS")
            text = line[i]
            sub(/^@param /, "", text)
            brief = substr(text, 1, index(text, " ") - 1)
            gsub(/,/, ", ", brief)
            say(".TP\n.I " brief)
            sub(/^[^ ]* */, "", text)
            say(marked(text))
        } else if (line[i] ~ /^@return/) {
            section("RETURN VALUE")
            text = line[i]
            sub(/^@return */, "", text)
            say(marked(text))
        } else if (line[i] ~ /^@par /) {
            text = toupper(line[i])
            sub(/^@PAR /, "", text)
            section(text)
        } else if (line[i] ~ /^@code/) {
            say(".EX")
            code = 1
        } else if (line[i] ~ /^@endcode/) {
            say(".EE")
            code = 0
        } else if (code) {
            say(escaped(line[i]))
        } else if (line[i] ~ /^ *$/) {
            if (i < n && line[i + 1] !~ /^(@.*|)$/)
                say(".PP")
        } else {
            text = line[i]
            sub(/^ +/, "", text)
            say(marked(text))
        }
    }
    say(".SH SEE ALSO\n" mentions[current] (mentions[current] == "" ? "" : " ,\n") ".BR " overview " (3)")
    close(page)
}

# The page of a header: its first comment. What is indented is code.
function write_overview(line, n,   i, text, code)
{
    page = out "/" overview ".3"
    current = overview
    text = line[2]
    gsub(/^@brief |\.$/, "", text)
    say(".TH " overview " 3 \"\" \"libcoro " version "\" \"libcoro manual\"")
    say(".SH NAME\n" overview " \\- " escaped(text))
    say(".SH SYNOPSIS\n.B #include <" header ">\n.SH DESCRIPTION")
    for (i = 3; i <= n; i++) {
        if (code != (line[i] ~ /^    / || (code && line[i] == "" && line[i + 1] ~ /^    /))) {
            code = !code
            say(code ? ".EX" : ".EE")
        }
        if (line[i] ~ /^ *$/)
            say(code ? "" : ".PP")
        else
            say(code ? escaped(line[i]) : marked(line[i]))
    }
    close(page)
}

BEGIN {
    overview = header
    gsub(/\//, "-", overview)
}
/^\/\*\*$/ {
    n = 0
    while ((getline text) > 0 && text !~ /^ \*\/$/) {
        sub(/^ \* ?/, "", text)
        sub(/^ \*?$/, "", text)
        if (n > 0 || text != "")
            line[++n] = text
    }
    if (line[1] ~ /^@file /)
        write_overview(line, n)
    else if ((getline) > 0 && /^#define coro_/)
        write_page(substr($0, 9), line, n)
    else if (/^[a-z].*\(.*[;{)]$/ && !/^typedef/)
        write_page($0, line, n)
}
