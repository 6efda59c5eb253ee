# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/shares.py: the shares of a training step that make its inputs and that record: shares.c times the parts of a step.
import json
import subprocess

import figures
import lab
import machine
import models
import processors
import timing

TITLE = "the share of noise and data, and of logging and checkpoints, in a step"
CHECKPOINT_SECONDS = 10.0  # between two checkpoints (lab/train.c)
PARTS = ["data", "noise", "forward", "backward", "optimiser", "totals", "report"]
INPUTS = ["data", "noise", "shuffle"]
RECORDS = ["report", "commit", "checkpoint"]


def time_parts(options, database, model, threads, rounds, milliseconds):
    done = subprocess.run([options.build.compile("shares"), database.path, "1", str(model.batch), str(model.k), str(threads), str(rounds),
                           str(milliseconds)], env=options.build.environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        machine.fail("shares: %s" % model.name)
    return json.loads(done.stdout)


def row_of(model, threads, answer):
    """Seconds of each part of one step in each round; work that is done once per epoch or every 10 s counts with its share."""
    steps = model.steps(lab.IMAGES)
    rounds = []
    for step, epoch in zip(answer["rounds"], answer["epochs"]):
        parts = {name: step[name] for name in PARTS}
        parts["shuffle"] = epoch["shuffle"] / steps
        parts["commit"] = epoch["commit"] / steps
        parts["checkpoint"] = epoch["checkpoint"] / CHECKPOINT_SECONDS * sum(step[name] for name in PARTS)
        rounds.append(parts)
    def share(names):
        each = [sum(r[n] for n in names) / sum(r.values()) for r in rounds]
        return {"measured": timing.median(each), "minima": min(each), "low": min(each), "high": max(each)}
    return {"model": model.name, "threads": threads, "parts": {n: timing.summary([r[n] for r in rounds]) for n in rounds[0]},
            "step": timing.summary([sum(r.values()) for r in rounds]), "inputs": share(INPUTS), "records": share(RECORDS),
            "multiply_adds": answer["multiply_adds"], "bytes": answer["bytes"], "parameters": answer["parameters"],
            "once": {k: timing.summary([e[k] for e in answer["epochs"]]) for k in ("shuffle", "commit", "checkpoint")}}


def measure(options):
    rounds = options.rounds or (3 if options.quick else 7)
    milliseconds = 100 if options.quick else 400
    rows = []
    for model in models.STEP_MODELS:
        if options.only and not options.only.search(model.name):
            continue
        database = lab.Database(options.build)
        database.run(dict(model.settings(), **{"epochs": 1, "data.train": model.batch, "data.test": 1}))
        for threads in options.threads:
            rows.append(row_of(model, threads, processors.steady(
                options.build, threads, lambda: time_parts(options, database, model, threads, rounds, milliseconds))))
        # the list of products in models.py must match the engine's count
        if 2 * rows[-1]["multiply_adds"] != models.operations(model.products()):
            machine.fail("%s: models.py counts %.0f operations, the engine %.0f"
                         % (model.name, models.operations(model.products()), 2 * rows[-1]["multiply_adds"]))
        database.remove()
    return {"rows": rows}, [line for r in rows for line in lines_of(r)]


def lines_of(r):
    part = {n: s["median"] / r["step"]["median"] for n, s in r["parts"].items()}
    def named(names):
        return ", ".join("%s %.2f %%" % (n, 100 * part[n]) for n in names)
    where = "%s, %d thread(s)" % (r["model"], r["threads"])
    return [dict(what=where + ": noise, data, shuffling", target=("<=", 0.05), unit="%", how=named(INPUTS), **r["inputs"]),
            dict(what=where + ": logging and checkpoints", target=("<=", 0.01), unit="%", **r["records"],
                 how=named(RECORDS) + "; a commit %.1f ms; with a checkpoint of %.1f MB, at most every 10 s, %.1f ms"
                     % (1e3 * r["once"]["commit"]["median"], 12e-6 * r["parameters"], 1e3 * r["once"]["checkpoint"]["median"]))]


def details(result):
    yield "parts of a step, microseconds: medians"
    names = PARTS + ["shuffle", "commit", "checkpoint"]
    yield "%-16s threads" % "model" + "".join("%11s" % n for n in names) + "%11s" % "step"
    for r in result["rows"]:
        yield "%-16s %7d" % (r["model"], r["threads"]) + "".join("%11.1f" % (1e6 * r["parts"][n]["median"]) for n in names) + \
            "%11.1f" % (1e6 * r["step"]["median"])


def draw(result):
    names = ["forward", "backward", "optimiser", "totals", "data", "noise", "shuffle", "report", "commit", "checkpoint"]
    data = ""
    for i, r in enumerate(result["rows"]):
        shares = [r["parts"][n]["median"] / r["step"]["median"] for n in names]
        grouped = shares[:4] + [sum(shares[4:7]), sum(shares[7:])]
        data += "\"%s, %d t.\" %s\n" % (r["model"], r["threads"], " ".join("%g" % (100 * s) for s in grouped))
    titles = ["forward", "backward", "optimiser", "metrics", "noise, data, shuffling", "logging, checkpoints"]
    bars = ", ".join("data using %d%s ls %d lw 0.5 title '%s'" % (i + 2, ":xtic(1)" if i == 0 else "", i + 1, t)
                     for i, t in enumerate(titles))
    figures.draw("shares", """
set style data histograms
set style histogram rowstacked
set style fill solid 0.9 border lc rgb '#FFFFFF'
set boxwidth 0.75
set xtics rotate by -35
set yrange [0:100]
set ylabel '%% of a step on so many threads (t.)'
set rmargin 6
set grid noxtics
plot """.replace("%%", "%") + bars, data, width=14.0, height=9.5)
