"""The bench itself, started by tools/bench in namespaces of its own."""

import sys

from bench import checks, goals, options, plot, report
from bench.arena import Arena
from bench.results import Results


def say(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r    {text}\033[K")
        sys.stderr.flush()


def run(wishes, results):
    arena = Arena(say)
    try:
        checks.check(arena, results)
        for name in wishes.only:
            if not sys.stderr.isatty():
                print(f"==> {name}", file=sys.stderr, flush=True)
            options.MEASURES[name].measure(arena, results, wishes)
    finally:
        say("taking everything away")
        problems = arena.close()
        say("")
    if problems:
        raise SystemExit("what the bench made could not be taken away:\n" + "\n".join(problems))


def main(argv):
    wishes = options.parse(argv)
    results = Results()
    run(wishes, results)
    stands = goals.judge(results, wishes.only)
    out = wishes.out
    tables = report.text(results, stands, wishes)
    (out / "tables.txt").write_text(tables + "\n")
    report.writeJson(results, stands, wishes, out / "results.json")
    drawn = plot.draw(results, out / "plot.svg")
    print(tables)
    print(f"\n{out}: tables.txt, results.json{', plot.svg' if drawn else ''}")
    return 0 if all(not problem for _, problem in results.checks) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
