"""What tests/gdb/run has gdb do: stop in many places, and get from each of them to main()."""

import gdb

SAVED = ["rip", "rsp", "rbx", "rbp", "r12", "r13", "r14", "r15"]

# Where an unwinder comes out of the system's libraries; and what it runs there.
LANDINGS = ["coro__finish", "coro__forward_landing", "coro__finish_by_exception", "coro__raise", "stop_here"]


def fail(what):
    print("backtrace.py: " + what)
    try:
        gdb.execute("backtrace")
        gdb.execute("x/8i $pc - 16")
    except gdb.error as error:
        print(error)
    gdb.execute("quit 1")


def name_of(frame):
    """gdb takes two underscores in a name without debugging information for Ada's dot."""
    return (frame.name() or "?").replace("coro.", "coro__")


def frames(*ends):
    """All frames from the innermost to main(), or one of these functions, as gdb finds them."""
    found = []
    frame = gdb.newest_frame()
    while frame is not None:
        found.append(frame)
        if name_of(frame) in ends + ("main",):
            return found
        if frame.level() > 0 and frame.name() is None and gdb.solib_name(int(frame.pc())) is None:
            fail("%#x is in no function" % frame.pc())  # gdb may guess its way on from there
        if len(found) > 100:
            fail("more than 100 frames")
        reason = frame.unwind_stop_reason()
        if reason != gdb.FRAME_UNWIND_NO_REASON:
            fail("from %s gdb does not get on: %s" % (frame.name(), gdb.frame_stop_reason_string(reason)))
        frame = frame.older()
    fail("the backtrace does not reach main()")


def names(found):
    """The user's functions among them."""
    return [name_of(frame) for frame in found if not name_of(frame).startswith("coro_")]


def text_is_clean():
    """What a person sees."""
    text = gdb.execute("backtrace", to_string=True)
    for complaint in "Backtrace stopped", "corrupt", "inner to this frame":
        if complaint in text:
            fail('gdb says "%s"' % complaint)
    for line in text.splitlines():
        if "??" in line and " from " not in line:  # the system's libraries come without their names
            fail("gdb does not know " + line)


def saved_in_last(found):
    """What the callers of that function had in registers, and still need."""
    return [int(found[-1].read_register(name)) & (2**64 - 1) for name in SAVED]


def start(*breakpoints):
    for where in breakpoints:
        gdb.Breakpoint(where)
    gdb.execute("run", to_string=True)


def alive():
    return gdb.selected_inferior().pid != 0


def function_at_pc():
    return name_of(gdb.newest_frame())


def expect(wanted):
    text_is_clean()
    got = names(frames())
    if got != wanted:
        fail("the functions are %s, should be %s" % (got, wanted))


def nested():
    """Coroutines within coroutines, their stacks in either order."""
    directions = set()
    start("stop_here")
    for _ in range(2):
        expect(["stop_here"] + ["resumes_next"] * 3 + ["nested", "main"])
        tops = [int(f.read_register("rsp")) for f in frames() if f.name() == "resumes_next"]
        directions.update(a > b for a, b in zip(tops, tops[1:]))
        gdb.execute("continue", to_string=True)
    if directions != {True, False}:
        fail("all stacks lay in the same order")
    print("ok: 2 stops")


def out_of_library():
    """Go on until the library's function returns, or an unwinder has found its way out of it."""
    caller = gdb.newest_frame().older()
    back = gdb.Breakpoint("*%#x" % caller.pc(), internal=True, temporary=True) if caller is not None else None
    gdb.execute("continue", to_string=True)
    if back is not None and back.is_valid():
        back.delete()


def steps(least, seen, unseen="", ends=""):
    """
    Every instruction between the two marks: each is a stop, and main() is as it was at the first one. So is each activation
    of the functions that a backtrace may end at besides.
    """
    innermost = set()
    saved = {}
    start("stepping_begins")
    for where in LANDINGS:
        gdb.Breakpoint(where, internal=True)
    end = gdb.Breakpoint("stepping_ends")
    stops = 0
    while end.hit_count == 0:
        if not alive():
            fail("the program has ended")
        found = frames(*ends.split())
        stops += 1
        now = saved_in_last(found)
        before = saved.setdefault(now[SAVED.index("rsp")], now)
        if now != before:
            fail("registers of %s() were %s, are %s" % (found[-1].name(), before, now))
        innermost.add(function_at_pc())
        if gdb.solib_name(int(found[0].pc())) is not None:
            out_of_library()
        else:
            gdb.execute("stepi", to_string=True)
            if function_at_pc() == "stepping_ends":
                break
    for name in seen.split():
        if name not in innermost:
            fail("no stop was in %s, but in %s" % (name, sorted(innermost)))
    for name in unseen.split():
        if name in innermost:
            fail("a stop was in %s" % name)
    if stops < least:
        fail("%d stops, fewer than %d" % (stops, least))
    if not ends and len(saved) != 1:
        fail("there are %d of main()" % len(saved))
    print("ok: %d stops" % stops)


def throws():
    """Where an exception is thrown; while it passes; where it is caught; and where it is thrown if nobody catches it."""
    thrown = ["throws", "inner", "outer"]
    gdb.execute("catch throw")
    start("stop_here")
    expect(["__cxa_throw"] + thrown + ["catches", "catches_step_by_step", "main"])
    gdb.execute("continue", to_string=True)  # the handler, on its coroutine
    if "outer" not in names(frames()) or "throws" in names(frames()):
        fail("a handler is not called where the throw was")
    gdb.execute("continue", to_string=True)
    expect(["stop_here", "catches", "catches_step_by_step", "main"])
    gdb.execute("continue", to_string=True)
    expect(["__cxa_throw"] + thrown + ["catches_nothing", "main"])
    gdb.execute("continue", to_string=True)
    text_is_clean()
    got = names(frames())
    if "std::terminate()" not in got or got[-5:] != thrown + ["catches_nothing", "main"]:
        fail("not ended where it was thrown: %s" % got)
    print("ok: 5 stops")
