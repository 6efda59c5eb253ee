# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/step.py: a whole training step (data, noise, forward, backward, optimiser, metrics, logging) compared with its matrix products
# alone, each by the library that is fastest at it.  The ratio is the share of that rate that a step reaches.
import figures
import lab
import machine
import models
import processors
import timing
from libraries import Libraries, best_peer

TITLE = "a whole training step over the best library's matrix products"


def examples_of(model):
    """Training examples of a timed epoch: all images, fewer for models with many draws."""
    return {1: lab.IMAGES, 5: 15000}.get(model.k, 1500)


def step_seconds(run, model, between):
    """Seconds of one step in each epoch of a run, with its share of the work between two epochs of all images."""
    return [t / model.steps(examples_of(model)) + between / model.steps(lab.IMAGES) for t in run["epochs"]]


def ideal_seconds(model, times, peers):
    """For each round the sum over the model's products of the time of the library that is fastest at it."""
    products = model.products()
    rounds = len(next(iter(times[products[0]].values())))
    best = {p: best_peer(times[p], peers) for p in products}
    return [sum(times[p][best[p]][r] for p in products) for r in range(rounds)]


def compare(options, model, threads, rounds, epochs, between):
    milliseconds = 0.5 if options.quick else 2.0
    products = sorted(set(model.products()))
    ideal, ours, own_products = [], [], []
    with Libraries(options.build, threads) as libraries:
        if not libraries.peers():
            return None
        times = {p: {n: [] for n in libraries.names()} for p in products}
        for turn in range(rounds):
            measured = libraries.measure([products], 2, milliseconds)
            for p in products:
                for n in libraries.names():
                    times[p][n] += measured[p][n]
            run = processors.steady(options.build, threads,
                                    lambda: lab.train(options.build, model, epochs, examples_of(model), threads))
            ours += step_seconds(run, model, between)
        ideal = ideal_seconds(model, times, libraries.peers())
        own_products = ideal_seconds(model, times, [libraries.ours])
    return {"model": model.name, "threads": threads, "operations": models.operations(model.products()), "between_epochs": between,
            "seconds": {"step": timing.summary(ours), "ideal": timing.summary(ideal), "own_products": timing.summary(own_products)},
            "ratio": {"measured": timing.median(ideal) / timing.median(ours), "minima": min(ideal) / min(ours),
                      "low": timing.median(ideal) / max(ours), "high": timing.median(ideal) / min(ours)},
            "best": {"%s %dx%dx%d" % p: best_peer(times[p], libraries.peers()) for p in products}}


def measure(options):
    rounds = options.rounds or (1 if options.quick else 3)
    epochs = 1 if options.quick else 2
    between = lab.between_epochs(options.build)
    chosen = [m for m in models.STEP_MODELS if options.only is None or options.only.search(m.name)]
    rows = []
    for model in chosen:
        for threads in options.threads:
            machine.note("step: %s, %d thread(s)" % (model.name, threads))
            row = compare(options, model, threads, rounds, epochs, between)
            rows += [row] if row else []
    return {"rows": rows}, [line(r) for r in rows]


def line(row):
    s = row["seconds"]
    return dict(what="%s, %d thread(s)" % (row["model"], row["threads"]), target=(">=", 0.88), **row["ratio"],
                how="%.0f us a step, %.1f Gflop/s; the best libraries' products alone %.0f us, our products alone %.0f us"
                    % (1e6 * s["step"]["median"], 1e-9 * row["operations"] / s["step"]["median"], 1e6 * s["ideal"]["median"],
                       1e6 * s["own_products"]["median"]))


def details(result):
    yield "a training step, microseconds: minimum, median, maximum"
    yield "%-16s %7s %32s %32s %32s   ratio" % ("model", "threads", "whole step", "best libraries' products", "our products")
    for r in result["rows"]:
        cells = "".join("%33s" % ("%.1f %.1f %.1f" % tuple(1e6 * r["seconds"][w][k] for k in ("min", "median", "max")))
                        for w in ("step", "ideal", "own_products"))
        yield "%-16s %7d" % (r["model"], r["threads"]) + cells + "   %.3f" % r["ratio"]["measured"]


def draw(result):
    names = list(dict.fromkeys(r["model"] for r in result["rows"]))
    data = ""
    for i, name in enumerate(names):
        cells = {r["threads"]: r["ratio"]["measured"] for r in result["rows"] if r["model"] == name}
        data += "%d %s %s\n" % (i, cells.get(1, "NaN"), cells.get(2, "NaN"))
    figures.draw("step", """
set style fill solid border
set boxwidth 0.35
set xrange [-0.6:%g]
set yrange [0:1.1]
set grid noxtics
%s
set ylabel 'rate of a step over the best library’s'
plot 0.88 with lines ls 10 title 'target: 0.88', \\
    data using ($1-0.19):2 with boxes ls 1 lw 1 dt solid title 'one thread', \\
    data using ($1+0.19):3 with boxes ls 2 lw 1 dt solid fs pattern 4 title 'two threads'
""" % (len(names) - 0.4, figures.places(names)), data, width=14.0)
