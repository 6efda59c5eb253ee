# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/growth.py: how the cost grows, as figures with an ideal line: the time of a step with its operations, of an epoch with its
# examples and threads, of a query with the runs in the database.
import sqlite3
import subprocess
import time

import figures
import lab
import machine
import models
import processors
import timing

TITLE = "growth of the cost, and a database of 1,000 runs"
BASE = models.STEP_MODELS[0]  # 784-500-2, batch 100

# name: title of the axis, its values, the model at a value
AXES = {
    "batch": ("examples in a minibatch", [1, 4, 16, 64, 256, 1000], lambda v: BASE.but(batch=v)),
    "width": ("hidden units", [25, 50, 100, 200, 400, 800, 1600], lambda v: BASE.but(hidden=[v])),
    "depth": ("hidden layers of 200 units", [1, 2, 4, 8], lambda v: BASE.but(hidden=v * [200])),
    "draws": ("draws k (IWAE, 784-200-200-50, batch 20)", [1, 2, 5, 10, 20, 50, 100], lambda v: models.IWAE.but(k=v)),
    "latent": ("latent dimensions", [2, 5, 10, 20, 50, 100, 200, 400], lambda v: BASE.but(latent=v)),
}
EXAMPLES = [1000, 3000, 10000, 30000, 60000]

# the database
RUNS, METRICS, EPOCHS = [10, 100, 1000], 10, 1000
NAMES = ["train/elbo", "test/elbo", "train/reconstruction", "test/reconstruction", "train/kl", "test/kl", "train/bound", "test/bound",
         "gradient/norm", "time/epoch"]
QUERIES = {"runs": ["runs"], "compare": ["compare", "growth"], "summary": ["sql", "select * from summary"]}
ANSWER = {"runs": lambda n: n, "compare": lambda n: n // 10, "summary": lambda n: n}  # least number of lines; ten metrics per configuration
QUERY_LIMIT, ROW_LIMIT = 0.5, 25.0  # seconds, bytes


def step_seconds(options, model, threads=1):
    """Seconds of one step: the median of short epochs of about 60 ms, without the first, which fills the caches."""
    flops = models.operations(model.products())
    steps = max(3, int(0.06 * 60e9 / flops))
    examples = min(lab.IMAGES, steps * model.batch) // model.batch * model.batch
    times = lab.train(options.build, model, 4 if options.quick else 6, examples, threads)["epochs"][1:]
    return timing.median(times) / model.steps(examples)


def rounds_of(options, rounds, points, measure_point):
    """{point: [a number of each round]}"""
    times = {p: [] for p in points}
    for turn in range(rounds):
        for p in timing.rotated(points, turn):
            times[p].append(measure_point(p))
    return times


def axis_rows(options, name, rounds):
    _, values, model = AXES[name]
    times = rounds_of(options, rounds, values, lambda v: step_seconds(options, model(v)))
    return [{"x": v, "seconds": timing.summary(times[v]), "operations": models.operations(model(v).products())} for v in values]


def examples_rows(options, rounds):
    times = rounds_of(options, rounds, EXAMPLES, lambda n: timing.median(lab.train(options.build, BASE, 2, n, 1)["epochs"]))
    return [{"x": n, "seconds": timing.summary(times[n]), "operations": n} for n in EXAMPLES]


def threads_rows(options, rounds):
    def point(threads):
        return processors.steady(options.build, threads, lambda: step_seconds(options, BASE.but(batch=1000), threads))
    counts = list(range(1, machine.CORES + 1)) if machine.CORES <= 4 else [1, 2, 4] + [c for c in (8, 16, 32) if c <= machine.CORES]
    times = rounds_of(options, rounds, counts, point)
    return [{"x": t, "seconds": timing.summary(times[t]), "operations": 1.0 / t} for t in counts]


# ---- the database ----------------------------------------------------------------------------------------------------------


def fill(database, first, last):
    """Adds the runs first … last - 1 of 100 configurations with ten seeds each, copies of run 1 with other numbers.  The metrics are
    written epoch by epoch, as a training writes them: the order decides how full the pages are."""
    connection = sqlite3.connect(database.path, isolation_level=None)
    connection.execute("pragma synchronous = off")
    connection.execute("begin immediate")
    connection.execute("update experiment set name = 'growth'")
    columns = [row[1] for row in connection.execute("pragma table_info(run)")]
    template = dict(zip(columns, connection.execute("select * from run order by id limit 1").fetchone()))
    for name in NAMES:
        connection.execute("insert or ignore into metric_name (name) values (?)", (name,))
    metric = [connection.execute("select id from metric_name where name = ?", (n,)).fetchone()[0] for n in NAMES]
    sweep = connection.execute("select max(id) from sweep").fetchone()[0]
    for number in range(first, last):
        config, seed = number // 10, number % 10 + 1
        row = dict(template, id=number + 2, identity="identity %d" % number, configuration="configuration %d" % config,
                   label="latent=%d" % config, seed=seed, epochs=EPOCHS, status="done", seconds=1.5 * EPOCHS)
        connection.execute("insert into run (%s) values (%s)" % (", ".join(columns), ", ".join("?" * len(columns))),
                           [row[c] for c in columns])
        connection.execute("insert into member (experiment, run, label) values (?, ?, ?)",
                           (row["experiment"], row["id"], row["label"]))
        connection.execute("insert into param (run, name, value) values (?, 'latent', ?)", (row["id"], config))
        connection.execute("insert into sweep_run (sweep, position, run) values (?, ?, ?)", (sweep, number + 100, row["id"]))
        connection.executemany("insert into metric (run, metric, step, value) values (?, ?, ?, ?)",
                               ((row["id"], m, epoch, -100.0 - 50.0 / (epoch + i) - 0.01 * seed - 0.1 * config)
                                for epoch in range(1, EPOCHS + 1) for i, m in enumerate(metric)))
    connection.execute("commit")
    connection.close()


def bytes_a_row(database):
    """Bytes per row of the pages of the table `metric`, if SQLite has dbstat; else of the whole file."""
    rows = database.query("select count(*) from metric")[0][0]
    try:
        size = database.query("select sum(pgsize) from dbstat where name = 'metric'")[0][0]
    except sqlite3.OperationalError:
        pages, page = database.query("pragma page_count")[0][0], database.query("pragma page_size")[0][0]
        size = pages * page
    return size / rows


def query_seconds(build, database, command, least_lines):
    """Wall time of a command; fails unless it prints at least this many lines."""
    start = time.perf_counter()
    done = subprocess.run([build.program] + command + ["--db", database.path], env=build.environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    took = time.perf_counter() - start
    if done.returncode != 0 or done.stdout.count("\n") < least_lines:
        machine.fail("%s: %s" % (" ".join(command), done.stderr or done.stdout))
    return took


def database_rows(options, rounds):
    """A growing database: [{"x": runs, "bytes": of a row of `metric`, "seconds": {query: …}}]."""
    database, rows, filled = lab.Database(options.build), [], 0
    database.run({"net": "tanh-2", "data": "digits", "data.train": 100, "data.test": 1, "epochs": 1})
    for runs in RUNS:
        machine.note("growth: a database of %d runs" % runs)
        fill(database, filled, runs)
        filled = runs
        times = rounds_of(options, rounds, list(QUERIES), lambda q: query_seconds(options.build, database, QUERIES[q], ANSWER[q](runs)))
        rows.append({"x": runs, "rows": runs * METRICS * EPOCHS, "bytes": bytes_a_row(database),
                     "seconds": {q: timing.summary(t) for q, t in times.items()}})
    database.remove()
    return rows


def measure(options):
    rounds = options.rounds or (1 if options.quick else 3)
    result, lines = {"axes": {}, "database": []}, []

    def chosen(name):
        return options.only is None or options.only.search(name)
    for name in AXES:
        if chosen(name):
            machine.note("growth: " + name)
            result["axes"][name] = axis_rows(options, name, rounds)
    if chosen("examples"):
        result["axes"]["examples"] = examples_rows(options, rounds)
    if chosen("threads"):
        result["axes"]["threads"] = threads_rows(options, rounds)
    if chosen("database"):
        result["database"] = database_rows(options, 3 if options.quick else 5)
        last = result["database"][-1]
        for query, s in last["seconds"].items():
            lines.append(dict(what="%s, %d runs of %d metrics and %d epochs" % (query, last["x"], METRICS, EPOCHS), target=("<=", QUERY_LIMIT),
                              unit="s", measured=s["median"], minima=s["min"], low=s["min"], high=s["max"],
                              how="wall time of vae-lab " + " ".join(QUERIES[query])))
        lines.append(dict(what="bytes of a metric's row", target=("<=", ROW_LIMIT), measured=last["bytes"],
                          how="pages of the table, divided by %d rows, written epoch by epoch" % last["rows"]))
    return result, lines


TEXTS = {name: axis[0] for name, axis in AXES.items()}
TEXTS.update(examples="training examples", threads="threads (784-500-2, batch 1000)")


def ideal(rows):
    """For each point the time of its operations at the rate of the fastest point."""
    best = min(r["seconds"]["median"] / r["operations"] for r in rows)
    return [best * r["operations"] for r in rows]


def details(result):
    for name, rows in result["axes"].items():
        yield "%s: time of a %s, microseconds: minimum, median, maximum; ideal: at the rate of the fastest point" % (
            TEXTS[name], "whole epoch" if name == "examples" else "step")
        for r, i in zip(rows, ideal(rows)):
            yield "%8g   %12.1f %12.1f %12.1f   %12.1f" % (r["x"], *(1e6 * r["seconds"][k] for k in ("min", "median", "max")), 1e6 * i)
    for r in result["database"]:
        yield "%5d runs: %.1f bytes a row; " % (r["x"], r["bytes"]) + ", ".join(
            "%s %.3f %.3f %.3f s" % (q, s["min"], s["median"], s["max"]) for q, s in r["seconds"].items())


def draw(result):
    for name, rows in result["axes"].items():
        whole = name == "examples"
        unit = 1 if whole else 1e3
        low = unit * min([r["seconds"]["min"] for r in rows] + ideal(rows))
        high = unit * max(r["seconds"]["max"] for r in rows)
        data = "".join("%g %g %g %g %g\n" % (r["x"], *(unit * s for s in (
            r["seconds"]["median"], r["seconds"]["min"], r["seconds"]["max"], i))) for r, i in zip(rows, ideal(rows)))
        figures.draw("growth_" + name, """
set logscale xy
set xrange [%g:%g]
set yrange [%g:%g]
set xlabel '%s'
set ylabel '%s'
set xtics (%s)
set ytics %s
plot data using 1:5 with lines ls 10 title '%s', \\
    data using 1:2:3:4 with yerrorbars ls 1 title 'minimum, median, maximum', data using 1:2 with lines ls 1 lw 1 notitle
""" % (rows[0]["x"] / 1.15, rows[-1]["x"] * 1.15, low / 1.4, high * 1.4, TEXTS[name], "time of an epoch, seconds" if whole else "time of a step, milliseconds", ", ".join("%g" % r["x"] for r in rows), ticks(low / 1.4, high * 1.4),
       {"examples": "ideal: proportional to the examples", "threads": "ideal: 1 / threads"}.get(name, "ideal: proportional to the operations")), data)
    if result["database"]:
        draw_database(result["database"])


def ticks(low, high):
    """The labels of a logarithmic axis; gnuplot gives none over less than a power of ten."""
    steps = [m * 10.0 ** e for e in range(-4, 6) for m in ((1, 2, 5) if high / low > 10 else (1, 2, 3, 4, 5, 6, 8))]
    return "(%s)" % ", ".join("%g" % s for s in steps if low <= s <= high)


def draw_database(rows):
    last = rows[-1]
    ideal_rate = max(s["median"] for s in last["seconds"].values()) / last["x"]
    data = "".join("%d %s %g\n" % (r["x"], " ".join("%g" % r["seconds"][q]["median"] for q in QUERIES), ideal_rate * r["x"])
                   for r in rows)
    figures.draw("growth_database", """
set logscale xy
set xrange [8:1250]
set yrange [*:1]
set xtics (10, 100, 1000)
set xlabel 'runs in the database, each of 10 metrics and 1,000 epochs'
set ylabel 'seconds'
plot 0.5 with lines ls 10 title 'target: at most', data using 1:%d with lines ls 9 title 'ideal: proportional to the runs', """ % (len(QUERIES) + 2) +
                 ", ".join("data using 1:%d with linespoints ls %d title '%s'" % (i + 2, i + 1, q) for i, q in enumerate(QUERIES)), data)
