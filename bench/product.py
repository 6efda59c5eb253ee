# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/product.py: one matrix product: num_matmul_f32 compared with oneDNN and with each kernel of OpenBLAS, on the layers of this
# project's models, forward and backward, on one thread and on two.
import os

import figures
import machine
import timing
from libraries import Libraries, best_peer

TITLE = "matrix product"
# inputs, outputs: the layers of models with 784 pixels, hidden widths 200, 400, 500 and latent ones 2, 10, 20, 50
LAYERS = [(784, 500), (784, 400), (784, 200), (500, 2), (400, 20), (400, 10), (200, 200), (200, 50), (500, 784), (400, 784),
          (200, 784), (2, 500), (20, 400), (10, 400), (50, 200)]
BATCHES = [1, 7, 20, 100, 128, 1000]
FORMS = ["NN", "NT", "TN"]


def product(form, batch, inputs, outputs):
    """A layer's output, its input's gradient or its weights' gradient, as num/matmul.h names them."""
    return {"NN": ("NN", batch, outputs, inputs), "NT": ("NT", batch, inputs, outputs), "TN": ("TN", inputs, outputs, batch)}[form]


def chosen(only):
    """{layer: [(form, batch, product)]}; only: a pattern of FORM/BATCH/INPUTS-OUTPUTS."""
    layers = {}
    for a, b in LAYERS:
        for batch in BATCHES:
            for form in FORMS:
                if only is None or only.search("%s/%d/%d-%d" % (form, batch, a, b)):
                    layers.setdefault((a, b), []).append((form, batch, product(form, batch, a, b)))
    return layers


def rows_of(layers, times, names, ours, peers, peak):
    rows = []
    for (a, b), entries in layers.items():
        for form, batch, p in entries:
            best = best_peer(times[p], peers)
            rows.append({"form": form, "batch": batch, "in": a, "out": b, "operations": 2 * p[1] * p[2] * p[3], "best": best,
                         "of_peak": 2 * p[1] * p[2] * p[3] / timing.median(times[p][ours]) / peak,
                         # a ratio of rates is the inverse ratio of times
                         "ratio": timing.ratio(times[p][best], times[p][ours]),
                         "seconds": {n: timing.summary(times[p][n]) for n in names}})
    return rows


def measure(options):
    layers = chosen(options.only)
    rounds = options.rounds or (3 if options.quick else 7)
    milliseconds = 0.5 if options.quick else 2.0
    result = {"rounds": rounds, "peaks": machine.peaks(options.build), "threads": {}}
    machine.note("product: peak of one thread, Gflop/s: " + ", ".join("%s %.0f" % p for p in result["peaks"].items()))
    peak = result["peaks"].get(os.environ.get("VAE_LAB_ISA"), max(result["peaks"].values(), default=float("nan")))
    lines = []
    for threads in options.threads:
        with Libraries(options.build, threads) as libraries:
            if not libraries.peers():
                return result, []
            times = libraries.measure([[p for _, _, p in entries] for entries in layers.values()], rounds, milliseconds,
                                      lambda turn: machine.note("product, %d thread(s): round %d of %d" % (threads, turn, rounds)))
            rows = rows_of(layers, times, libraries.names(), libraries.ours, libraries.peers(), 1e9 * peak * threads)
        result["threads"][str(threads)] = {"libraries": libraries.names(), "rows": rows}
        lines += verdict(rows, threads)
    return result, lines


def verdict(rows, threads):
    def over(key):
        return timing.geometric_mean(r["ratio"][key] for r in rows)
    worst = min(rows, key=lambda r: r["ratio"]["measured"])
    where = "%s, batch %d, %d-%d" % (worst["form"], worst["batch"], worst["in"], worst["out"])
    return [
        dict(what="rate over the best library's, mean of %d products, %d thread(s)" % (len(rows), threads), target=(">=", 0.95),
             measured=over("measured"), minima=over("minima"), low=over("low"), high=over("high"), how="geometric mean; the best of "
             "oneDNN and OpenBLAS' kernels for each product"),
        dict(what="the worst of them, %d thread(s)" % threads, target=(">=", 0.88), measured=worst["ratio"]["measured"],
             minima=worst["ratio"]["minima"], low=worst["ratio"]["low"], high=worst["ratio"]["high"],
             how="%s against %s; %d of %d below 0.88" % (where, worst["best"], sum(r["ratio"]["measured"] < 0.88 for r in rows),
                                                         len(rows))),
        dict(what="share of the peak, mean of %d products, %d thread(s)" % (len(rows), threads), target=None,
             measured=timing.geometric_mean(r["of_peak"] for r in rows),
             how="geometric mean; the peak is that of fused multiply-adds in registers, times the threads"),
    ]


def details(result):
    """The table of all products, microseconds."""
    for threads, part in result["threads"].items():
        names = part["libraries"]
        yield "matrix product, %s thread(s), microseconds: minimum, median, maximum of %d rounds; ratio: ours over the best " \
              "library's rate; of peak: of fused multiply-adds in registers" % (threads, result["rounds"])
        yield "%-4s %5s %9s " % ("form", "batch", "layer") + "".join("%28s" % n for n in names) + "   ratio of peak"
        for r in part["rows"]:
            cells = "".join("%28s" % ("%.2f %.2f %.2f" % tuple(1e6 * r["seconds"][n][k] for k in ("min", "median", "max")))
                            for n in names)
            yield "%-4s %5d %4d-%-4d " % (r["form"], r["batch"], r["in"], r["out"]) + cells + "   %.3f %7.3f" % (r["ratio"]["measured"], r["of_peak"])
        yield ""


def draw(result):
    for threads, part in result["threads"].items():
        data = "".join("%s %g %g\n" % (r["form"], r["operations"], r["ratio"]["measured"]) for r in part["rows"])
        names = {"NN": "y = x W", "NT": "dx = dy W^T", "TN": "dW = x^T dy"}
        curves = ", ".join("data using (stringcolumn(1) eq '%s' ? $2 : NaN):3 with points ls %d title '%s'" % (f, i + 1, names[f])
                           for i, f in enumerate(FORMS))
        figures.draw("product_%s" % threads, """
set logscale x
set xlabel 'operations of the product'
set ylabel 'rate over the best library’s'
set format x '10^{%T}'
set yrange [0:*]
plot 1 with lines ls 9 notitle, 0.88 with lines ls 10 title 'each at least 0.88', """ + curves, data)
