# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/processors.py: times on two threads only while two near processors are to be had (processors.c).  The criterion knows
# nothing of what is measured, and holds for everybody alike.
import json
import os
import subprocess
import time

import machine

SHORTEST = os.path.join(machine.FIGURES, "handover.json")  # the shortest handover seen on this machine, in whichever run

WHOLE = 1.9     # what two threads of pure arithmetic must reach, over one
NEAR = 2.0      # the handover of a cache line may take so many times the shortest seen
patience = 60   # seconds that a measurement waits in all, before it goes on whatever the probes say
REPEATS = 4     # of a piece during which the processors moved

_process = None
_shortest = None
probes = []     # of the measurement at work
waited = 0.0    # seconds
spoilt = 0      # pieces that were kept although the processors were not as they should be


def _probe(build):
    """(whole, near): whether they are whole, whether they are near."""
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
    """piece(), made again when the processors are far from each other after it."""
    global spoilt
    if threads < 2:
        return piece()
    for _ in range(REPEATS if waited < patience else 1):
        _wait(build)
        result = piece()
        if _probe(build)[1]:
            return result
    spoilt += 1
    return result


def summary():
    """Of the measurement that ends: what the probes said, and how many pieces are spoilt.  None: nothing ran on two threads."""
    global spoilt, waited
    if not probes:
        return None
    said = {"probes": len(probes), "spoilt": spoilt, "waited": waited}
    for what in ("whole", "handover"):
        values = sorted(p[what] for p in probes)
        said[what] = {"min": values[0], "median": values[len(values) // 2], "max": values[-1]}
    probes.clear()
    spoilt, waited = 0, 0.0
    return said


def close():
    global _process
    if _process:
        _process.stdin.close()
        _process.wait()
        _process = None
