"""The bench itself, started by tools/bench in namespaces of its own."""

import sys

from bench import checks, goals, options, report
from bench.arena import Arena
from bench.results import Results


def run(wishes, results):
    arena = Arena(report.say)
    try:
        checks.check(arena, results)
        for name in wishes.only:
            if not sys.stderr.isatty():
                print(f"==> {name}", file=sys.stderr, flush=True)
            options.MEASURES[name].measure(arena, results, wishes)
    finally:
        report.say("taking everything away")
        problems = arena.close()
        report.say("")
    if problems:
        raise SystemExit("what the bench made could not be taken away:\n" + "\n".join(problems))


def main(argv):
    wishes = options.parse(argv)
    results = Results()
    run(wishes, results)
    report.publish(results, goals.judge(results, wishes.only), wishes)
    return 0 if all(not problem for _, problem in results.checks) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
