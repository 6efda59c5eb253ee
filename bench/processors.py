# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/processors.py: measures on two threads only while two near processors are available (processors.c).  The criterion does not
# depend on what is measured, and is the same for all programs.
import json
import os
import subprocess
import time

import machine

SHORTEST = os.path.join(machine.FIGURES, "handover.json")  # the shortest handover seen on this machine in any run

WHOLE = 1.9     # two threads of pure arithmetic must reach this many times the rate of one
NEAR = 2.0      # the handover of a cache line may take this many times the shortest
patience = 60   # seconds that a measurement waits in total; then it continues whatever the probes find
REPEATS = 4     # of a measurement during which the processors moved

_process = None
_shortest = None
probes = []     # of the current measurement
waited = 0.0    # seconds
disturbed = 0   # measurements that were kept although the processors did not meet the criterion


def _probe(build):
    """Whether the processors are whole, and whether they are near."""
    global _process, _shortest
    if _process is None:
        _shortest = _known()
        _process = subprocess.Popen([build.compile("processors"), "2"], text=True, bufsize=1, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
    _process.stdin.write("\n")
    probe = json.loads(_process.stdout.readline())
    probes.append(probe)
    if probe["handover"] < _shortest:
        _shortest = probe["handover"]
        with open(SHORTEST, "w") as f:
            json.dump({"processor": machine.processor(), "nanoseconds": _shortest}, f)
    return probe["whole"] >= WHOLE, probe["handover"] <= NEAR * _shortest


def _known():
    try:
        with open(SHORTEST) as f:
            known = json.load(f)
        return known["nanoseconds"] if known["processor"] == machine.processor() else float("inf")
    except (OSError, ValueError, KeyError):
        return float("inf")


def _wait(build):
    global waited
    start = time.monotonic()
    while not all(_probe(build)) and waited + time.monotonic() - start < patience:
        time.sleep(0.2)
    waited += time.monotonic() - start


def steady(build, threads, piece):
    """Returns piece(), repeated if the processors are far from each other after it."""
    global disturbed
    if threads < 2:
        return piece()
    for _ in range(REPEATS if waited < patience else 1):
        _wait(build)
        result = piece()
        if _probe(build)[1]:
            return result
    disturbed += 1
    return result


def summary():
    """The probes of the measurement that ends, and its number of disturbed parts.  None: nothing ran on two threads."""
    global disturbed, waited
    if not probes:
        return None
    found = {"probes": len(probes), "disturbed": disturbed, "waited": waited}
    for what in ("whole", "handover"):
        values = sorted(p[what] for p in probes)
        found[what] = {"min": values[0], "median": values[len(values) // 2], "max": values[-1]}
    probes.clear()
    disturbed, waited = 0, 0.0
    return found


def close():
    global _process
    if _process:
        _process.stdin.close()
        _process.wait()
        _process = None
