#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/pytorch_epoch.py: one training epoch of the same VAE, by PyTorch and by vae-lab, on one thread, in turns.
#
#     pytorch_epoch.py [--rounds N] [--json FILE] [--program ./vae-lab] [--only torch]
#
# The model is github.com/pytorch/examples, vae/main.py: 784-400 relu-20, Adam 1e-3, batch 128, grey pixels, 60,000 images.
# PyTorch is given its best case: the images wait in memory as one float tensor, there is no loader, the order is a
# randperm, a few steps warm it up before the clock starts, and the fastest of its settings counts (OpenBLAS' kernels as it
# chooses them, or those for SkylakeX; see SETTINGS).  vae-lab's time is its own metric time/epoch: the training alone,
# as here.  Every measurement is a process of its own.
import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BATCH, HIDDEN, LATENT, PIXELS = 128, 400, 20, 784

# name -> environment of the process, arguments of its epoch
SETTINGS = {
    "pytorch": ({}, []),
    "pytorch, SkylakeX": ({"OPENBLAS_CORETYPE": "SkylakeX"}, []),
    "pytorch, SkylakeX, loss of logits": ({"OPENBLAS_CORETYPE": "SkylakeX"}, ["--logits"]),
    "pytorch, SkylakeX, foreach Adam": ({"OPENBLAS_CORETYPE": "SkylakeX"}, ["--foreach"]),
}


def fail(message):
    sys.exit("bench/pytorch_epoch.py: " + message)


def data_dir():
    """The folder that holds mnist/train-images-idx3-ubyte(.gz)."""
    tried = [d for d in (os.environ.get("VAE_LAB_DATA"), os.path.join(ROOT, "..", "shared", "data"),
                         os.path.expanduser("~/.local/share/vae-lab"), os.path.join(ROOT, "data")) if d]
    for folder in tried:
        if images_file(folder):
            return os.path.abspath(folder)
    fail("no MNIST in %s\n  hint: ./vae-lab data fetch mnist, or set VAE_LAB_DATA" % ", ".join(tried))


def images_file(folder):
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        path = os.path.join(folder, "mnist", name)
        if os.path.exists(path):
            return path
    return None


# ---- PyTorch's epoch, in a process of its own ----


def torch_epoch(options):
    try:
        import torch
    except ImportError:
        fail("PyTorch is not installed\n  hint: apt-get install python3-torch libopenblas0-pthread")
    from torch import nn, optim
    from torch.nn import functional as F

    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(PIXELS, HIDDEN)
            self.fc21 = nn.Linear(HIDDEN, LATENT)
            self.fc22 = nn.Linear(HIDDEN, LATENT)
            self.fc3 = nn.Linear(LATENT, HIDDEN)
            self.fc4 = nn.Linear(HIDDEN, PIXELS)

        def forward(self, x):
            h = F.relu(self.fc1(x))
            mu, logvar = self.fc21(h), self.fc22(h)
            std = torch.exp(0.5 * logvar)
            z = mu + torch.randn_like(std) * std
            logits = self.fc4(F.relu(self.fc3(z)))
            return logits, mu, logvar

    def loss_function(logits, x, mu, logvar):
        if options.logits:
            bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        else:
            bce = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum")
        return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

    torch.set_num_threads(1)
    torch.manual_seed(1)
    path = images_file(data_dir())
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        pixels = bytearray(f.read()[16:])
    images = torch.frombuffer(pixels, dtype=torch.uint8).reshape(-1, PIXELS).float() / 255

    def train(rows):
        model = VAE()
        optimiser = optim.Adam(model.parameters(), lr=1e-3, **({"foreach": True} if options.foreach else {}))
        total = 0.0
        for i in range(0, len(rows), BATCH):
            x = images[rows[i:i + BATCH]]
            optimiser.zero_grad()
            loss = loss_function(*unpack(model(x), x))
            loss.backward()
            total += loss.item()
            optimiser.step()
        return total / len(rows)

    def unpack(out, x):
        return out[0], x, out[1], out[2]

    train(torch.arange(10 * BATCH))  # a model of its own, to warm up
    start, start_cpu = time.perf_counter(), time.process_time()
    loss = train(torch.randperm(len(images)))
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_cpu, "elbo": -loss,
                      "version": torch.__version__}))


def run_torch(environment, arguments):
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", **environment)
    done = subprocess.run([sys.executable, os.path.abspath(__file__), "--epoch"] + arguments, env=env, stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


# ---- vae-lab's epoch ----


def run_vae_lab(program, round_number):
    with tempfile.TemporaryDirectory() as scratch:
        database = os.path.join(scratch, "results.db")
        command = [program, "run", os.path.join(ROOT, "experiments", "pytorch_example.lua"), "--set", "data=mnist", "--set",
                   "seed=%d" % (round_number + 1), "--set", "epochs=1", "--threads", "1", "--jobs", "1", "--db", database,
                   "--data-dir", data_dir(), "--quiet"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            fail("%s ended with %d\n%s" % (" ".join(command), done.returncode, done.stderr))
        query = "select value from curves where metric = '%s' and step = 1"
        values = [subprocess.run(["sqlite3", "-readonly", database, query % name], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.split() for name in ("time/epoch", "train/elbo")]
        if any(len(v) != 1 for v in values):
            fail("time/epoch and train/elbo of one epoch were expected in the database, found %r" % (values,))
        # the whole process: also reading the data, the test metrics, the evaluation and the database
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"seconds": float(values[0][0]), "cpu": cpu, "elbo": float(values[1][0])}


# ---- in turns ----


def main():
    parser = argparse.ArgumentParser(description="One epoch of the same VAE, by PyTorch and by vae-lab, on one thread.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--program", default=os.path.join(ROOT, "vae-lab"))
    parser.add_argument("--only", choices=["torch", "vae-lab"])
    parser.add_argument("--epoch", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--logits", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--foreach", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.epoch:
        return torch_epoch(options)

    runs = {}
    for turn in range(options.rounds):
        turns = list(SETTINGS) + ["vae-lab"]
        for name in turns[turn % len(turns):] + turns[:turn % len(turns)]:
            if options.only and options.only != ("vae-lab" if name == "vae-lab" else "torch"):
                continue
            result = run_vae_lab(options.program, turn) if name == "vae-lab" else run_torch(*SETTINGS[name])
            runs.setdefault(name, []).append(result)
            print("round %d  %-36s %7.3f s   train ELBO %9.3f" % (turn + 1, name, result["seconds"], result["elbo"]),
                  file=sys.stderr)

    print("one epoch, 60,000 MNIST images, 784-400-20, batch 128, one thread, seconds")
    print("%-36s %8s %8s %8s   %9s   %s" % ("", "min", "median", "max", "cpu (min)", "train ELBO"))
    summary = {}
    for name in sorted(runs, key=lambda n: n == "vae-lab"):
        seconds = [r["seconds"] for r in runs[name]]
        summary[name] = {"seconds": seconds, "median": statistics.median(seconds), "cpu": [r["cpu"] for r in runs[name]],
                         "elbo": [r["elbo"] for r in runs[name]]}
        print("%-36s %8.3f %8.3f %8.3f   %9.3f   %10.3f" % (name, min(seconds), summary[name]["median"], max(seconds),
                                                         min(summary[name]["cpu"]), statistics.mean(summary[name]["elbo"])))
    theirs = [n for n in summary if n != "vae-lab"]
    if theirs and "vae-lab" in summary:
        best = min(theirs, key=lambda n: summary[n]["median"])
        ratio = summary["vae-lab"]["median"] / summary[best]["median"]
        summary["ratio"] = ratio
        print("cpu: processor time; vae-lab's is of the whole run, with reading, test metrics, evaluation and database")
        print("vae-lab takes %.2f of the time of the fastest PyTorch (%s), ratio of medians over %d rounds"
              % (ratio, best, options.rounds))
    if options.json:
        with open(options.json, "w") as f:
            json.dump(summary, f, indent=1)


if __name__ == "__main__":
    main()
