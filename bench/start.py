# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/start.py: waiting times: the start of the program, the first step of a training, a precise likelihood.
import os
import time

import figures
import lab
import machine
import models
import processors
import timing
from libraries import Libraries, best_peer

TITLE = "start of the program and of a training; NLL with k = 5000"
MODEL = models.STEP_MODELS[2]  # 784-200-200-50
DRAWS, IMAGES = 5000, 10000
ROWS = [500, 1000, 2000]  # rows of a pass through the decoder; the fastest counts


def version_seconds(build, rounds):
    """Wall time of `vae-lab --version`, with the start and the end of its process."""
    times = []
    null = os.open(os.devnull, os.O_WRONLY)
    for _ in range(rounds):
        start = time.perf_counter()
        process = os.posix_spawn(build.program, [build.program, "--version"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
        os.waitpid(process, 0)
        times.append(time.perf_counter() - start)
    os.close(null)
    return times


def first_step_seconds(build, data, rounds):
    """An upper bound of the time from the start of the process to the first step: the wall time of a run minus its training, plus the
    training's work before its first epoch.  That work is the same in a run of one epoch and in a run of two, so it is twice the
    time outside the epochs of the first minus that of the second."""
    def run(epochs):
        database = lab.Database(build)
        settings = dict(models.STEP_MODELS[0].settings(), epochs=epochs, data=data)
        wall = database.run(settings, threads=machine.CORES)
        outside = database.seconds() - sum(database.epochs())
        seconds = database.seconds()
        database.remove()
        return wall - seconds, outside
    times = []
    for _ in range(rounds):
        around, one = run(1)
        _, two = run(2)
        times.append(around + max(0.0, 2 * one - two))
    return times


def decoder_products(rows):
    widths = [MODEL.latent] + MODEL.hidden[::-1] + [MODEL.pixels]
    return [("NN", rows, b, a) for a, b in zip(widths, widths[1:])]


def encoder_products(rows):
    widths = [MODEL.pixels] + MODEL.hidden
    return [("NN", rows, b, a) for a, b in zip(widths, widths[1:])] + 2 * [("NN", rows, MODEL.latent, widths[-1])]


def ideal_nll(options, threads, images, rounds):
    """Seconds that the fastest library takes for the products, in each round, and the number of operations: every draw passes through
    the decoder, every image once through the encoder."""
    encoder = encoder_products(1000)
    groups = [decoder_products(rows) for rows in ROWS] + [sorted(set(encoder))]
    with Libraries(options.build, threads, ours=False) as libraries:
        if not libraries.all:
            return None, None
        times = libraries.measure(groups, rounds, 5)
        peers = libraries.names()

    def of(products, turn):
        return sum(times[p][best_peer(times[p], peers)][turn] for p in products)
    draws = images * DRAWS
    rows = min(ROWS, key=lambda r: timing.median([of(decoder_products(r), t) for t in range(rounds)]) / r)
    seconds = [of(decoder_products(rows), t) * draws / rows + of(encoder, t) * images / 1000 for t in range(rounds)]
    return seconds, models.operations(decoder_products(1)) * draws + models.operations(encoder_products(1)) * images


def nll(options, threads, images, rounds):
    """Seconds of the evaluation: of the command that adds it to a trained run, minus those of one that evaluates almost nothing."""
    profile = {IMAGES: "nll", 200: "nll_some"}[images]

    def once():
        database = lab.Database(options.build)
        settings = dict(MODEL.settings(), **{"epochs": 1, "data.train": 1000})
        database.run(settings)
        around = database.run(dict(settings, profile="nll_none"), threads)
        seconds = database.run(dict(settings, profile=profile), threads) - around
        database.remove()
        return seconds
    # all images take minutes: measured once, not repeated when the processors moved
    return [once() if images == IMAGES else processors.steady(options.build, threads, once) for _ in range(rounds)]


def nll_row(options, threads):
    images, rounds = (200, 2) if options.quick else (IMAGES, 1)
    before, operations = ideal_nll(options, threads, images, 3)
    if before is None:
        return None
    times = nll(options, threads, images, rounds)
    after, _ = ideal_nll(options, threads, images, 3)
    ideal = before + after
    return {"threads": threads, "images": images, "operations": operations, "seconds": timing.summary(times), "ideal": timing.summary(ideal),
            "ratio": {"measured": timing.median(ideal) / timing.median(times), "minima": min(ideal) / min(times),
                      "low": timing.median(ideal) / max(times), "high": timing.median(ideal) / min(times)}}


def line(what, limit, times):
    return dict(what=what, target=("<=", limit), unit="s", measured=timing.median(times), minima=min(times), low=min(times),
                high=max(times))


def measure(options):
    rounds = options.rounds or (1 if options.quick else 4)
    result, lines = {"seconds": {}, "nll": []}, []
    def chosen(name):
        return options.only is None or options.only.search(name)
    if chosen("version"):
        times = version_seconds(options.build, 5 * rounds)
        result["seconds"]["version"] = timing.summary(times)
        lines.append(dict(line("vae-lab --version", 0.010, times), how="wall time of the process"))
    for data, limit in (("mnist", 0.5), ("digits", 1.0)):
        if chosen(data):
            machine.note("start: first step on " + data)
            times = first_step_seconds(options.build, data, rounds)
            result["seconds"][data] = timing.summary(times)
            lines.append(dict(line("from the start to the first step, " + data, limit, times),
                              how="upper bound: the process without its training"))
    for threads in options.threads:
        if chosen("nll"):
            machine.note("start: NLL, %d thread(s)" % threads)
            row = nll_row(options, threads)
            if row:
                result["nll"].append(row)
                lines.append(dict(what="NLL, k = 5000, %d images, %d thread(s)" % (row["images"], threads), target=(">=", 0.9),
                                  **row["ratio"], how="%.1f s, %.0f Gflop/s; the best library's products alone %.1f s"
                                      % (row["seconds"]["median"], 1e-9 * row["operations"] / row["seconds"]["median"],
                                         row["ideal"]["median"])))
    return result, lines


def details(result):
    for name, s in result["seconds"].items():
        yield "%-12s %.4f %.4f %.4f s (minimum, median, maximum of %d)" % (name, s["min"], s["median"], s["max"], s["rounds"])
    for r in result["nll"]:
        yield "NLL of %d images, %d thread(s): %.2f %.2f %.2f s; ideal %.2f %.2f %.2f s" % (
            r["images"], r["threads"], *(r[w][k] for w in ("seconds", "ideal") for k in ("min", "median", "max")))


def draw(result):
    limits = {"version": ("vae-lab --version", 0.010), "mnist": ("first step, MNIST", 0.5), "digits": ("first step, digits", 1.0)}
    rows = [(limits[n][0], s, limits[n][1]) for n, s in result["seconds"].items()]
    data = "".join("%d \"%s\" %g %g %g %g\n" % (-i, name, 1e3 * s["median"], 1e3 * s["min"], 1e3 * s["max"], 1e3 * limit)
                   for i, (name, s, limit) in enumerate(rows))
    figures.draw("start", """
set logscale x
set xrange [1:2000]
set yrange [%g:0.6]
set grid noytics
set xlabel 'milliseconds'
plot data using 3:1:4:5:ytic(2) with xerrorbars ls 1 title 'minimum, median, maximum', \\
    data using 6:1 with points ls 2 pt 2 ps 1.2 title 'target: at most'
""" % (0.4 - len(rows)), data, height=5.0)
