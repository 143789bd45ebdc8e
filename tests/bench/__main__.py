"""The bench itself, started by tools/bench in namespaces of its own."""

import sys

from bench import checks, goals, options, report
from bench.arena import Arena
from bench.results import Results
from bench.stopwatch import Failed
from support.bus import BusFault


def measure(arena, name, results, wishes):
    """What fails shall not take along what was measured before it."""
    try:
        options.MEASURES[name].measure(arena, results, wishes)
    except (AssertionError, BusFault, Failed, OSError) as reason:
        results.fault(name, f"{type(reason).__name__}: {reason}")
    problems = arena.clear()
    if problems:
        results.fault(f"after {name}", "; ".join(problems))


def begin(results):
    """None where it cannot begin."""
    try:
        return Arena(report.say)
    except (AssertionError, BusFault, Failed, OSError) as reason:
        results.fault("anything", f"what all measures share could not be made: {reason}")
        return None


def run(wishes, results):
    arena = begin(results)
    if not arena:
        return
    try:
        checks.check(arena, results)
        for name in wishes.only:
            if not sys.stderr.isatty():
                print(f"==> {name}", file=sys.stderr, flush=True)
            measure(arena, name, results, wishes)
    finally:
        report.say("taking everything away")
        problems = arena.close()
        report.say("")
    if problems:
        results.fault("the end", "what the bench made could not be taken away: " + "; ".join(problems))


def main(argv):
    wishes = options.parse(argv)
    results = Results()
    run(wishes, results)
    try:
        report.publish(results, goals.judge(results, wishes.only), wishes)
    except OSError as reason:
        print(f"tools/bench: writing the results to {wishes.out}: {reason.strerror}", file=sys.stderr)
        return 1
    return 1 if results.faulty else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
