# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/oracle/record.py: what vae-lab says about a run, read through its commands alone: export, sql, data show.
import csv, io, json, os, re, subprocess, sys, tempfile

import numpy as np


class Refused(Exception):
    """The run is not one that this script can recompute."""


class Run:
    """number: of the run.  metrics: {name: last value}.  options: {evaluation: {option: value}}."""

    def __init__(self, program, database, number, data_dir=None):
        self.program, self.number = program, str(number)
        self.database = ["--db", database] if database else []
        self.data_dir = ["--data-dir", data_dir] if data_dir else []
        self.metrics = {m: float(v) for m, v in self.sql("select metric, value from last_values where run = %s "
                                                         "and value is not null group by metric")}
        self.options = {}
        for evaluation, name, value in self.sql("select evaluation, name, value from evaluation_option where run = %s"):
            self.options.setdefault(evaluation, {})[name] = json.loads(value) if value[:1] in "[-0123456789" else value
        row = self.sql("select status, graph, plan, data_options, seed from run where id = %s")
        if not row or row[0][0] != "done":
            raise Refused("run %s is not done" % number)
        _, self.graph, plan, data, self.seed = row[0]
        self.plan, self.data = json.loads(plan), json.loads(data)
        self.weights = self.array("export", self.number, "-o", "run.npz")

    # ---- vae-lab's commands

    def call(self, *words, text=False):
        done = subprocess.run([self.program, *words, *self.database], capture_output=True)
        if done.returncode != 0:
            raise Refused("vae-lab %s: %s" % (" ".join(words), done.stderr.decode().strip()))
        return done.stdout.decode() if text else done.stdout

    def sql(self, query):
        csv.field_size_limit(sys.maxsize)
        return list(csv.reader(io.StringIO(self.call("sql", "--csv", query % self.number, text=True))))[1:]

    def array(self, *words):
        """The arrays of the file that a command writes; its name is the last word."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, words[-1])
            self.call(*words[:-1], path)
            loaded = np.load(path)
            return {n: loaded[n] for n in loaded.files} if path.endswith(".npz") else loaded

    # ---- the parts of a run

    def has(self, name):
        return name in self.metrics

    def posteriors(self):
        """mu (n, d), sigma (n, d), label (n) as recorded for the first test examples; None where none are."""
        try:
            z = self.array("export", self.number, "--what", "posteriors", "-o", "z.npz")
        except Refused:
            return None
        if list(np.diff(z["example"])) != [1] * (len(z["example"]) - 1):
            return None
        return z["mu"].astype(float), z["sigma"].astype(float), z["label"]

    def rows(self, split, count, *words):
        """Pixels (count, features) of the first rows of a split as this run saw them; count 0: of all."""
        rows = ["--rows", "1:%d" % count] if count else []
        return self.array("data", "show", "--run", self.number, "--split", split, *rows, *words, *self.data_dir,
                          "--npy", "x.npy")

    def grey(self, split, count):
        sizes = [w for s in ("train", "valid", "test") if self.data[s] for w in ("--" + s, str(self.data[s]))]
        rows = ["--rows", "1:%d" % count] if count else []
        return self.array("data", "show", self.data["name"], "--binarise", "grey", *sizes, "--split", split, *rows,
                          *self.data_dir, "--npy", "x.npy")

    def pixels(self, split, count, rng, o):
        """A function that gives the pixels that an evaluation with the options o saw.  Where it is older than its
        version 2, whose seed is known, a dynamic binarisation is drawn anew each time, by rng."""
        if self.data["binarise"] != "dynamic" or o.get("version", 1) >= 2:
            words = [] if self.data["binarise"] != "dynamic" else ["--for", "evaluation", "--seed", str(o["seed"])]
            fixed = self.rows(split, count, *words)
            return lambda: fixed
        grey = self.grey(split, count)
        return lambda: (rng.random(grey.shape, dtype=np.float32) < grey).astype(np.float32)

    def activation(self):
        found = set(re.findall(r"act=(\w+)", self.graph)) - {"none"}
        if len(found) != 1:
            raise Refused("the networks have several activations, or none: %s" % ", ".join(sorted(found)))
        return found.pop()
