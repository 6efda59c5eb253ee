# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/report.py: the table of targets and measured numbers, and results/bench.json.
import json
import os

import machine

FILE = os.path.join(machine.RESULTS, "bench.json")

VERDICTS = {True: "PASS", False: "FAIL", None: "-"}


def meets(line):
    """Whether the target is met; None: there is no target, the number is for comparison."""
    if line["target"] is None:
        return None
    op, limit = line["target"]
    return line["measured"] >= limit if op == ">=" else line["measured"] <= limit


def number(value, unit):
    if value is None:
        return "-"
    if unit == "%":
        return "%.2f %%" % (100 * value)
    text = "%.3f" % value if value < 100 else "%.0f" % value
    return text + (" " + unit if unit else "")


def show(parts):
    """Prints one line per target; the verdict uses the medians."""
    head = ["item", "what", "target", "measured", "by minima", "rounds' range", "verdict", "how"]
    rows = []
    for name, part in parts.items():
        for line in part["lines"]:
            unit = line.get("unit", "")
            low, high = line.get("low"), line.get("high")
            target = "-" if line["target"] is None else "%s %s" % (line["target"][0], number(line["target"][1], unit))
            rows.append([name, line["what"], target,
                         number(line["measured"], unit), number(line.get("minima"), unit),
                         "-" if low is None else "%s to %s" % (number(low, unit), number(high, unit)),
                         VERDICTS[meets(line)], line.get("how", "")])
    widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head) - 1)]
    for row in [head] + rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths)) + "  " + row[-1])
    verdicts = [r[6] for r in rows if r[6] != VERDICTS[None]]
    print("%d of %d targets met" % (verdicts.count(VERDICTS[True]), len(verdicts)))


def read():
    try:
        with open(FILE) as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def keep(machine_facts, parts):
    """Writes the file.  Measurements that were not repeated stay, each with its date."""
    kept = {"date": machine.now(), "machine": machine_facts, "measurements": dict(read().get("measurements", {}), **parts)}
    with open(FILE + ".new", "w") as f:
        json.dump(kept, f, indent=1)
        f.write("\n")
    os.replace(FILE + ".new", FILE)
    machine.note("written: " + os.path.relpath(FILE, machine.ROOT))
