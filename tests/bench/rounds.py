"""Subjects measured in turn (A B C, A B C, …), so that what disturbs the machine disturbs all of them alike."""

import random

from bench.stopwatch import Failed

WARM_UP = 2


def inTurn(results, subjects, rounds, say):
    """subjects: name -> function that measures once and returns {measure: milliseconds}.

    A peer that fails in the warm-up is noted as not measured, with its reason; whoever fails later takes no part in what
    follows, and that is a fault of the run, as is any failure of zoned's. The order within a round is by chance: who comes after a certain other one
    would always inherit the same leftovers.
    """
    names = []
    for name, measure in subjects.items():
        say(f"warm-up: {name}")
        try:
            for _ in range(WARM_UP):
                measure()
            names.append(name)
        except (Failed, OSError) as reason:
            results.failed(name, str(reason))
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        if number > 0:  # the first tells the results which subject is the base
            random.shuffle(names)
        for name in list(names):
            try:
                for what, value in subjects[name]().items():
                    results.add(what, name, value)
            except (Failed, OSError) as reason:
                names.remove(name)
                results.fault(name, f"failed in round {number + 1}: {reason}")


def quantile(values, part):
    """Linear between neighbours, as numpy's default."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values):
    return quantile(values, 0.5)
