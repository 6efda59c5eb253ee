# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/smoke.py: makes every measurement so small that all together take seconds: to see that they work.  Their numbers mean nothing.
import os

import lab
import machine
import models
import processors


def shrink(options, measurements):
    """measurements: {name: its module}."""
    options.quick, options.rounds = True, 1
    processors.patience = 0
    machine.FIGURES = options.build.scratch
    processors.SHORTEST = os.path.join(options.build.scratch, "handover.json")
    lab.IMAGES = 1200
    small = models.Model("784-20-2", [20], 2, 100)
    models.STEP_MODELS[:] = [small, models.IWAE.but(name="IWAE k=5", hidden=[20], latent=5, k=5)]
    sizes = {
        "product": {"LAYERS": [(20, 40), (40, 20)], "BATCHES": [1, 7]},
        "epoch": {"MODELS": [small], "LOSSES": {"elbo": ["softplus"]}},
        "scaling": {"MODELS": [small], "BATCHES": [100], "EXAMPLES": 600},
        "start": {"MODEL": small, "ROWS": [50]},
        "growth": {"BASE": small, "EXAMPLES": [300, 600], "RUNS": [10]},
    }
    for name, module in measurements.items():
        for what, value in sizes.get(name, {}).items():
            setattr(module, what, value)
    if "growth" in measurements:
        growth = measurements["growth"]
        growth.AXES = {name: (title, values[:2], model) for name, (title, values, model) in growth.AXES.items()}
