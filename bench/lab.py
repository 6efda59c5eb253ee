# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/lab.py: runs bench/model.lua as a user does, each time into a new database.
import functools
import os
import sqlite3
import subprocess
import time

import machine
import models

IMAGES = 60000  # of MNIST's training split
SCRIPT = os.path.join(machine.HERE, "model.lua")


class Database:
    """A scratch database."""

    count = 0

    def __init__(self, build):
        Database.count += 1
        self.build = build
        self.path = os.path.join(build.scratch, "%d.db" % Database.count)

    def run(self, settings, threads=1, jobs=1):
        """Runs `vae-lab run bench/model.lua`; returns its wall time in seconds."""
        command = [self.build.program, "run", SCRIPT, "--db", self.path, "--jobs", str(jobs), "--threads", str(threads), "--quiet"]
        for name, value in settings.items():
            command += ["--set", "%s=%s" % (name, value)]
        start = time.perf_counter()
        done = subprocess.run(command, env=self.build.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wall = time.perf_counter() - start
        if done.returncode != 0:
            machine.fail("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))
        return wall

    def query(self, sql, *args):
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql, args).fetchall()
        finally:
            connection.close()

    def epochs(self, run=1):
        """Seconds of each epoch: the metric time/epoch, which is training alone."""
        return [v for v, in self.query("select value from curves where run = ? and metric = 'time/epoch' order by step", run)]

    def seconds(self, run=1):
        """Seconds of the whole training, with the work between the epochs."""
        return self.query("select seconds from runs where id = ?", run)[0][0]

    def remove(self):
        for ending in ("", "-wal", "-shm"):
            if os.path.exists(self.path + ending):
                os.remove(self.path + ending)


def train(build, model, epochs, examples, threads):
    """One run: {"epochs": [seconds of each], "between": seconds of training outside the epochs, "wall"}."""
    database = Database(build)
    wall = database.run(dict(model.settings(), **{"epochs": epochs, "data.train": examples, "data.test": 1, "test_every": 1000000}),
                        threads)
    times = database.epochs()
    between = database.seconds() - sum(times)
    database.remove()
    return {"epochs": times, "between": between, "wall": wall}


@functools.cache
def between_epochs(build, rounds=2):
    """Seconds of an epoch of all images outside time/epoch: the order of the examples, the commit of the metrics.  They are the same
    for all models; a run of 11 short epochs has ten times as many more than a run of one."""
    model = models.Model("small", [2], 2, 1000)

    def least(epochs):
        return min(train(build, model, epochs, IMAGES, 1)["between"] for _ in range(rounds))
    return max(0.0, (least(11) - least(1)) / 10)
