# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/scaling.py: the gain of a second processor: two threads inside a run, and two runs of a sweep in parallel.
import math

import figures
import lab
import machine
import models
import processors
import timing

TITLE = "two threads inside a run, two jobs of a sweep"
MODELS = [m for m in models.STEP_MODELS if m.k == 1]
BATCHES = [100, 128, 1000]
EXAMPLES = 20000
# one run at a time and two at a time, each with one thread
SWEEP = {"epochs": 3, "seed": "1,2,3,4", "data.test": 1, "test_every": 1000000}


def threads_rows(options, rounds):
    rows = []
    cases = [m.but(name="%s, batch %d" % (m.name, b), batch=b) for m in MODELS for b in BATCHES]
    cases += [m for m in models.STEP_MODELS if m.k > 1]
    for model in cases:
        if options.quick and model.batch == 128:
            continue
        if options.only and not options.only.search(model.name):
            continue
        examples = EXAMPLES // (2 if options.quick else 1) if model.k == 1 else {5: 6000}.get(model.k, 1000)
        times = {1: [], 2: []}
        for turn in range(rounds):
            for threads in timing.rotated([1, 2], turn):
                run = processors.steady(options.build, threads, lambda: lab.train(options.build, model, 3, examples, threads))
                times[threads].append(timing.median(run["epochs"][1:]))  # the first fills the caches
        rows.append({"model": model.name, "rounds": times, "seconds": {t: timing.summary(v) for t, v in times.items()},
                     "ratio": timing.ratio(times[1], times[2])})
        machine.note("scaling: %s: %.2f" % (model.name, rows[-1]["ratio"]["measured"]))
    return rows


def sweep_seconds(options, model, jobs):
    """Wall time of training four equal runs: the time of the command, minus that of the same command again, which finds all runs
    done."""
    database = lab.Database(options.build)
    settings = dict(model.settings(), **SWEEP, **{"data.train": lab.IMAGES // (6 if options.quick else 3)})
    first = database.run(settings, jobs=jobs)
    around = database.run(settings, jobs=jobs)
    database.remove()
    return first - around


def jobs_row(options, rounds):
    model = MODELS[0]
    walls = {1: [], 2: []}
    for turn in range(rounds):
        for jobs in timing.rotated([1, 2], turn):
            walls[jobs].append(processors.steady(options.build, 2, lambda: sweep_seconds(options, model, jobs)))
        machine.note("scaling: jobs, round %d of %d" % (turn + 1, rounds))
    return {"model": model.name, "runs": 4, "rounds": walls, "seconds": {j: timing.summary(v) for j, v in walls.items()},
            "ratio": timing.ratio(walls[1], walls[2])}


def measure(options):
    if machine.CORES < 2:
        machine.note("scaling: one processor: nothing to measure")
        return {"threads": [], "jobs": None}, []
    rounds = options.rounds or (1 if options.quick else 3)
    result = {"threads": threads_rows(options, rounds), "jobs": None}
    lines = [dict(what="%s: two threads over one" % r["model"], target=(">=", 1.8), **r["ratio"],
                  how="%.3f s and %.3f s per epoch of the same images" % (r["seconds"][1]["median"], r["seconds"][2]["median"]))
             for r in result["threads"]]
    if not options.only or options.only.search("jobs"):
        r = result["jobs"] = jobs_row(options, rounds)
        lines.append(dict(what="%s, four runs: two jobs over one" % r["model"], target=(">=", 1.95), **r["ratio"],
                          how="%.2f s and %.2f s of wall time" % (r["seconds"][1]["median"], r["seconds"][2]["median"])))
    return result, lines


def details(result):
    yield "seconds on one thread (or one job) and on two: minimum, median, maximum"
    for r in result["threads"] + ([result["jobs"]] if result["jobs"] else []):
        cells = "".join("   %s" % "%.3f %.3f %.3f" % tuple(r["seconds"][t][k] for k in ("min", "median", "max")) for t in (1, 2))
        yield "%-30s%s   %.3f" % (r["model"], cells, r["ratio"]["measured"])


def draw(result):
    rows = [(r["model"], r["ratio"], 0) for r in result["threads"]]
    if result["jobs"]:
        rows.append(("two jobs", result["jobs"]["ratio"], 1))
    data = "".join("%d \"%s\" %g %g %g %d\n" % (-i, name, r["measured"], r["low"], r["high"], kind)
                   for i, (name, r, kind) in enumerate(rows))
    figures.draw("scaling", """
unset key
set xrange [%g:2.2]
set yrange [%g:0.7]
set grid noytics
set xlabel 'time on one over time on two'
set label 1 'target: 1.8' at 1.79,0.95 right
set arrow 1 from 1.8,graph 0 to 1.8,0.6 nohead ls 10
set label 2 'jobs: 1.95' at 1.94,0.95 left
set arrow 2 from 1.95,graph 0 to 1.95,0.6 nohead ls 9
set tmargin 2
plot data using 3:1:4:5:ytic(2) with xerrorbars ls 1
""" % (min([1.0] + [math.floor(10 * r["low"]) / 10 for _, r, _ in rows]), 0.5 - len(rows)), data, width=14.0, height=9.0)
