# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/libraries.py: the libraries whose matrix products are compared, one process each (product.c), measured in turns.
import json
import os
import subprocess
import time

import machine
import processors
import timing

# OpenBLAS' threads stay awake for about 26 ms after a product, libgomp's for about 5: the next turn waits until they sleep.
REST = 0.04
WAKE = 15  # milliseconds
TRIAL = ("NN", 8, 16, 32)  # a product that tells whether a library runs here


class Library:
    def __init__(self, build, which, threads, kernels=""):
        environment = build.environment(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
        environment.pop("OPENBLAS_CORETYPE", None)
        if kernels:
            environment["OPENBLAS_CORETYPE"] = kernels
        self.threads = threads
        self.process = subprocess.Popen([build.compile("product"), which, str(threads)], env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.identity = self.read()
        self.error = self.identity.get("error")
        self.kernels = self.identity.get("kernels", "")
        self.name = self.identity.get("library", which) + (" " + self.kernels if which == "openblas" else "")
        if not self.error:
            self.error = self.trial()

    def trial(self):
        """None, or why the library gives no product: some kernels end the process on a processor that lacks an instruction."""
        try:
            self.process.stdin.write("%s %d %d %d 0.01 1\n" % TRIAL)
            error = self.read().get("error")
        except BrokenPipeError:
            error = "the process ended"
        return error and "%s: %s" % (self.name, error)

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def time(self, product, milliseconds, check):
        """The seconds of one product (form, m, n, k)."""
        self.process.stdin.write("%s %d %d %d %g %d\n" % (*product, milliseconds, check))
        answer = self.read()
        if "error" in answer:
            machine.fail("%s, %s %dx%dx%d: %s" % (self.name, *product, answer["error"]))
        return answer["seconds"]

    def turn(self, products, milliseconds, check):
        """The seconds of each product.  On several threads the system needs some milliseconds to give each thread a processor: an
        untimed product comes first, for every library."""
        if self.threads > 1:
            self.time(products[0], WAKE, 0)
        times = [self.time(p, milliseconds, check) for p in products]
        if self.threads > 1:
            time.sleep(REST)
        return times

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Libraries:
    """Our library and the peers, on a number of threads.  Used as a context."""

    def __init__(self, build, threads, ours=True):
        self.all = [Library(build, "vae-lab", threads)] if ours else []
        self.ours = self.all[0].name if ours else None
        self.missing = []
        self.build, self.threads = build, threads
        self.add(Library(build, "onednn", threads))
        for kernels in [""] + machine.openblas_kernels():
            self.add(Library(build, "openblas", threads, kernels))
        for error in dict.fromkeys(self.missing):
            machine.note("left out: " + error)

    def add(self, library):
        """Keeps one library per name: an OpenBLAS that lacks some kernels uses others instead."""
        if library.error:
            self.missing.append(library.error)
        if library.error or library.name in [l.name for l in self.all]:
            library.close()
        else:
            self.all.append(library)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for library in self.all:
            library.close()

    def names(self):
        return [l.name for l in self.all]

    def peers(self):
        return [n for n in self.names() if n != self.ours]

    def measure(self, groups, rounds, milliseconds, progress=None):
        """Returns {product: {library: [seconds of each round]}}.  A group of products is one turn of a library; the libraries take
        turns group by group, in rotating order."""
        times = {p: {l.name: [] for l in self.all} for group in groups for p in group}
        for turn in range(rounds):
            for g, group in enumerate(groups):
                libraries = timing.rotated(self.all, turn + g)
                answers = processors.steady(self.build, self.threads,
                                            lambda: [l.turn(group, milliseconds, turn == 0) for l in libraries])
                for library, answer in zip(libraries, answers):
                    for product, seconds in zip(group, answer):
                        times[product][library.name].append(seconds)
            if progress:
                progress(turn + 1)
        return times


def best_peer(times, peers, of=timing.median):
    """The name of the fastest peer for a product: the one with the smallest median."""
    return min(peers, key=lambda name: of(times[name]))
