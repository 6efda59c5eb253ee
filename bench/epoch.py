# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/epoch.py: a training epoch compared with PyTorch's: its VAE example, and importance weighted autoencoders.
#
# PyTorch runs in processes that wait between their turns (epoch_torch.py), one for each way to start it.  A short round first tries all
# ways to write the model; the two fastest take part in the rounds.
import json
import os
import subprocess
import time

import figures
import lab
import machine
import models
import processors
import timing

TITLE = "an epoch, compared with PyTorch"
MODELS = [models.PYTORCH_EXAMPLE, models.IWAE.but(name="IWAE k=5", k=5), models.IWAE.but(name="IWAE k=50", k=50)]
REST = 0.06  # seconds until PyTorch's threads sleep

def starts(threads):
    """Ways to start PyTorch: {name: (threads of its loops, threads of OpenBLAS, environment)}.  OpenBLAS' own choice of kernels is not
    always the fastest, so the widest that this processor runs are tried too."""
    passive = {"OMP_WAIT_POLICY": "passive"} if threads > 1 else {}
    found = {"OpenBLAS' own kernels": (threads, threads, passive)}
    widest = [k for k in machine.openblas_kernels() if k in ("Haswell", "SkylakeX")][-1:]
    for kernels in widest:
        found[kernels] = (threads, threads, dict(passive, OPENBLAS_CORETYPE=kernels))
    if threads > 1:
        found["%d threads in OpenBLAS alone" % threads] = (1, threads, {})
    return found


# ways to write it: the cross-entropy (epoch_torch.py), and whether Adam updates all parameters at once
LOSSES = {"elbo": ["sigmoid", "logits", "softplus"], "iwae": ["logits", "softplus"]}


def examples_of(model, quick):
    """Images of one turn: an epoch of the VAE, a part of an epoch for models with many draws."""
    return {1: 12800 if quick else lab.IMAGES, 5: 6000}.get(model.k, 600)


class Torch:
    """One process of PyTorch."""

    def __init__(self, name, threads, blas_threads, environment):
        self.name = name
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(blas_threads), **environment)
        # Debian's python3-torch belongs to Debian's python
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"
        script = os.path.join(machine.HERE, "epoch_torch.py")
        self.process = subprocess.Popen([python, "-B", script, machine.mnist_images(machine.data_folder()), str(threads)], env=env,
                                        text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def train(self, model, way, examples):
        request = {"hidden": model.hidden, "latent": model.latent, "act": model.act, "bound": model.bound, "batch": model.batch,
                   "samples": model.k, "binarise": model.binarise, "examples": examples, "loss": way[0], "foreach": way[1]}
        self.process.stdin.write(json.dumps(request) + "\n")
        answer = self.read()
        time.sleep(REST)
        if answer is None:
            machine.fail("the PyTorch process ended")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def fastest_ways(processes, model):
    """The two fastest of all pairs of process and way, measured on a part of an epoch."""
    tried = []
    for process in processes:
        for loss in LOSSES[model.bound]:
            for foreach in (False, True):
                steps = {1: 40, 5: 40}.get(model.k, 6)
                seconds = process.train(model, (loss, foreach), steps * model.batch)["seconds"]
                tried.append((seconds, process.name, loss, foreach, process))
    tried.sort(key=lambda t: t[:4])
    return tried[:2], {"%s, %s, %s" % (t[1], t[2], "foreach" if t[3] else "loop"): t[0] for t in tried}


def ours(options, model, threads, between):
    """Seconds of an epoch of all images.  A run's first short epoch is not timed, as PyTorch's first steps are not."""
    share = lab.IMAGES / examples_of(model, options.quick)
    times = lab.train(options.build, model, 1 if share == 1 else 4, examples_of(model, options.quick), threads)["epochs"]
    return timing.median(times[1:] or times) * share + between


def compare(options, model, processes, rounds, between):
    """Returns {threads: {"ours": [seconds of an epoch], "theirs": …}}, with all thread counts in the same rounds."""
    found, result = {}, {}
    for threads in options.threads:
        machine.note("epoch: %s, PyTorch's settings on %d thread(s)" % (model.name, threads))
        found[threads], tried = fastest_ways(processes[threads], model)
        result[threads] = {"ours": [], "theirs": {}, "tried": tried}
    share = lab.IMAGES / examples_of(model, options.quick)
    for turn in range(rounds):
        machine.note("epoch: %s, round %d of %d" % (model.name, turn + 1, rounds))
        for threads in timing.rotated(options.threads, turn):
            for _, start, loss, foreach, process in found[threads]:
                name = "%s, %s, %s" % (start, loss, "foreach" if foreach else "loop")
                answer = processors.steady(options.build, threads,
                                           lambda: process.train(model, (loss, foreach), examples_of(model, options.quick)))
                result[threads]["theirs"].setdefault(name, []).append(answer["seconds"] * share)
            result[threads]["ours"].append(processors.steady(options.build, threads, lambda: ours(options, model, threads, between)))
    return result


def rows_of(model, result, images):
    rows = []
    for threads, r in result.items():
        best = min(r["theirs"], key=lambda n: timing.median(r["theirs"][n]))
        rows.append({"model": model.name, "threads": threads, "best": best, "tried": r["tried"],
                     "images": images, "rounds": {"ours": r["ours"], "theirs": r["theirs"][best]},
                     "seconds": {"ours": timing.summary(r["ours"]), "theirs": timing.summary(r["theirs"][best])}})
    return rows


def measure(options):
    rounds = options.rounds or (1 if options.quick else 4)
    chosen = [m for m in MODELS if options.only is None or options.only.search(m.name)]
    between = lab.between_epochs(options.build)
    processes = {threads: [Torch(name, *how) for name, how in starts(threads).items()] for threads in options.threads}
    rows, version = [], None
    try:
        introductions = [p.read() for of in processes.values() for p in of]
        if None in introductions:
            machine.note("epoch: PyTorch is not installed (Debian: python3-torch libopenblas0-pthread)")
            return {"rows": []}, []
        version = introductions[0]["version"]
        for model in chosen:
            rows += rows_of(model, compare(options, model, processes, rounds, between), examples_of(model, options.quick))
    finally:
        for of in processes.values():
            for process in of:
                process.close()
    return {"rows": rows, "pytorch": version, "between_epochs": between}, verdict(rows)


def verdict(rows):
    lines = []
    for model in dict.fromkeys(r["model"] for r in rows):
        of = {r["threads"]: r for r in rows if r["model"] == model}
        for threads, theirs, limit in ((1, 1, 0.45), (2, 1, 0.25), (2, 2, None)):
            if threads not in of or theirs not in of:
                continue
            a, b = of[threads], of[theirs]
            lines.append(dict(what="%s: ours on %d over PyTorch's on %d thread(s)" % (model, threads, theirs),
                              target=("<=", limit) if limit else None, **timing.ratio(a["rounds"]["ours"], b["rounds"]["theirs"]),
                              how="%.2f s against %.2f s per epoch%s (%s)" % (
                                  a["seconds"]["ours"]["median"], b["seconds"]["theirs"]["median"],
                                  "" if a["images"] == lab.IMAGES else ", from %d images" % a["images"], b["best"])))
    return lines


def details(result):
    yield "an epoch of 60,000 images, seconds: minimum, median, maximum"
    for r in result["rows"]:
        cells = "".join("   %s %s" % (w, "%.3f %.3f %.3f" % tuple(r["seconds"][w][k] for k in ("min", "median", "max")))
                        for w in ("ours", "theirs"))
        yield "%-16s %d thread(s)" % (r["model"], r["threads"]) + cells + "   (%s)" % r["best"]
        for name, seconds in r["tried"].items():
            yield "    tried: %-50s %.4f s" % (name, seconds)


def draw(result):
    names = list(dict.fromkeys(r["model"] for r in result["rows"]))
    data = ""
    for i, name in enumerate(names):
        of = {r["threads"]: r["seconds"] for r in result["rows"] if r["model"] == name}
        cells = [of[t][w]["median"] if t in of else float("nan") for t in (1, 2) for w in ("theirs", "ours")]
        data += "%d %s\n" % (i, " ".join("%g" % (c / cells[0]) for c in cells))
    figures.draw("epoch", """
set style fill solid border
set boxwidth 0.18
set xrange [-0.6:%g]
set yrange [0:*]
set grid noxtics
%s
set ylabel 'time of an epoch (PyTorch, one thread: 1)'
plot 0.45 with lines ls 10 title 'target: 0.45', 0.25 with lines ls 9 dt 3 title 'target, two threads: 0.25', \\
    data using ($1-0.3):2 with boxes ls 2 lw 1 dt solid title 'PyTorch, one thread', \\
    data using ($1-0.1):3 with boxes ls 1 lw 1 dt solid title 'vae-lab, one thread', \\
    data using ($1+0.1):4 with boxes ls 2 lw 1 dt solid fs pattern 4 title 'PyTorch, two threads', \\
    data using ($1+0.3):5 with boxes ls 1 lw 1 dt solid fs pattern 4 title 'vae-lab, two threads'
""" % (len(names) - 0.4, figures.places(names)), data)
