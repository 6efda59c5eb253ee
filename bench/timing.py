# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/timing.py: statistics of rounds: minimum, median, maximum.
import math
from statistics import median


def summary(values):
    values = sorted(values)
    return {"min": values[0], "median": median(values), "max": values[-1], "rounds": len(values)}


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(math.log(v) for v in values) / len(values))


def rotated(things, turn):
    """Each round begins with another one, so that warming up and slowing down affect all alike."""
    things = list(things)
    turn %= len(things)
    return things[turn:] + things[:turn]


def ratio(top, bottom):
    """For two lists of rounds: the ratio of the medians, of the minima, and the smallest and largest ratio of one round.

    The verdict uses the ratio of the medians."""
    each = [a / b for a, b in zip(top, bottom)]
    return {"measured": median(top) / median(bottom), "minima": min(top) / min(bottom), "low": min(each), "high": max(each)}
