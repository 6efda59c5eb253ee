# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/machine.py: the build under test and the machine: paths, processor, versions, compiling the C programs of bench/.
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
RESULTS = os.path.join(ROOT, "results")
FIGURES = os.path.join(RESULTS, "bench")
PACKAGES = ["gsl", "sqlite3", "lua5.4", "zlib", "nettle", "smartcols"]

CORES = len(os.sched_getaffinity(0))
THREADS = [1, 2] if CORES >= 2 else [1]


def fail(message):
    sys.exit("bench: " + message)


def note(message):
    print(message, file=sys.stderr, flush=True)


class Build:
    """The build under test: its program, its library, and a scratch folder for databases and compiled programs.

    The scratch folder is on the disk of results.db, so that a commit costs what it costs a user."""

    def __init__(self, folder):
        self.library = os.path.join(ROOT, folder, "libvaelab.a")
        inside = os.path.join(ROOT, folder, "vae-lab")
        self.program = inside if os.path.exists(inside) else os.path.join(ROOT, "vae-lab")
        for path in (self.library, self.program):
            if not os.path.exists(path):
                fail("%s is missing\n  hint: make" % os.path.relpath(path, ROOT))
        os.makedirs(FIGURES, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix="scratch-", dir=FIGURES)

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def compile(self, name):
        """Compiles bench/NAME.c with the library; returns the path of the program."""
        program = os.path.join(self.scratch, name)
        if not os.path.exists(program):
            def flags(what):
                return subprocess.run(["pkg-config", what] + PACKAGES, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
            done = subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-O3", "-pthread", "-D_POSIX_C_SOURCE=200809L", "-Wall",
                                   "-Wextra", "-I" + os.path.join(ROOT, "src")] + flags("--cflags") +
                                  [os.path.join(HERE, name + ".c"), self.library, "-o", program] + flags("--libs") +
                                  ["-lm", "-ldl"])
            if done.returncode != 0:
                fail("bench/%s.c does not compile" % name)
        return program

    def environment(self, **more):
        return dict(os.environ, VAE_LAB_LUA=os.path.join(ROOT, "lua"), VAE_LAB_DATA=data_folder(), **more)


def data_folder():
    """The folder that holds mnist/train-images-idx3-ubyte(.gz)."""
    tried = [d for d in (os.environ.get("VAE_LAB_DATA"), os.path.join(ROOT, "data"),
                         os.path.join(ROOT, "..", "shared", "data")) if d]
    for folder in tried:
        if mnist_images(folder):
            return os.path.abspath(folder)
    fail("no MNIST in %s\n  hint: ./vae-lab data fetch mnist, or set VAE_LAB_DATA" % ", ".join(tried))


def mnist_images(folder):
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        path = os.path.join(folder, "mnist", name)
        if os.path.exists(path):
            return path
    return None


# ---- the conditions of a measurement ----


def load():
    try:
        return list(os.getloadavg())
    except OSError:
        return None


def busy():
    """Seconds of processor time: (of all processes, of this one and its finished children)."""
    mine = os.times()
    own = mine.user + mine.system + mine.children_user + mine.children_system
    try:
        with open("/proc/stat") as f:
            ticks = [int(t) for t in f.readline().split()[1:]]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK"), own  # without idle, iowait
    except (OSError, IndexError, ValueError):
        return None, own


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def flags():
    """The processor's features, as /proc/cpuinfo names them."""
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith(("flags", "Features")):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


# Kernels of OpenBLAS that OPENBLAS_CORETYPE selects, with the feature that they need: OpenBLAS does not check it, and a product then
# ends the process.
CORES_OF_OPENBLAS = {"Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512f", "Cooperlake": "avx512_bf16", "Sapphirerapids": "amx_bf16"}


def openblas_kernels():
    """Those that this processor can run, best last."""
    found = flags()
    return [name for name, feature in CORES_OF_OPENBLAS.items() if feature in found]


def peaks(build):
    """{"avx2": Gflop/s of fused multiply-adds in registers on one thread, …}: the limit of every product."""
    return json.loads(output(build.compile("peak")) or "{}")


def output(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    except OSError:
        return None


def caches():
    sizes = {}
    for level in ("LEVEL1_DCACHE_SIZE", "LEVEL2_CACHE_SIZE", "LEVEL3_CACHE_SIZE"):
        text = output("getconf", level)
        if text and text.isdigit():
            sizes[level.split("_")[0].lower().replace("level", "L")] = int(text)
    return sizes


def describe(build):
    """A description of the machine for the JSON file."""
    doctor = output(build.program, "doctor", "--json")
    try:
        doctor = json.loads(doctor)
    except (TypeError, ValueError):
        doctor = None
    return {"processor": processor(), "cores": CORES, "caches": caches(), "system": platform.platform(),
            "compiler": (output(os.environ.get("CC", "cc"), "--version") or "").split("\n")[0],
            "vae-lab": output(build.program, "--version"), "doctor": doctor, "python": platform.python_version()}
