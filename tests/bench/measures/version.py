"""How long our programs take to begin: `zonectl --version` beside a bare dynamic C++ program."""

from bench.place import PROGRAMS
from bench.rounds import inTurn


def measure(arena, results, options):
    inTurn(results, {"bare C++": lambda: {"version": arena.stopwatch.run(PROGRAMS / "bare").ms},
                     "zonectl --version": lambda: {"version": arena.zonectl("--version").ms}},
           options.rounds * 3, arena.say)
