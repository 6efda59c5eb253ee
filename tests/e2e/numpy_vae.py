# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/e2e/numpy_vae.py: a VAE of another program: NumPy alone, the names and shapes of PyTorch's Linear, in double precision.
#
#   numpy_vae.py make        writes images.idx (700 images of 8 by 8, the last 100 are the test split), vae.safetensors and names.txt
#   numpy_vae.py measure     prints KL(q(z|x) || N(0, I)), E_q[log p(x|z)] over 2,000 draws, and its standard error, on the test split
import json, struct, sys
import numpy as np

SIDE, HIDDEN, LATENT = 8, 12, 12 # fc_mu is a square matrix: its orientation must be said
LAYERS = [("enc", SIDE * SIDE, HIDDEN), ("fc_mu", HIDDEN, LATENT), ("fc_logvar", HIDDEN, LATENT),
          ("dec", LATENT, HIDDEN + 1), ("out", HIDDEN + 1, SIDE * SIDE)]
OURS = {"enc": "encoder.0", "fc_mu": "encoder.mu", "fc_logvar": "encoder.logvar", "dec": "decoder.0", "out": "decoder.logits"}


def weights():
    rng = np.random.default_rng(7)
    w = {}
    for name, inputs, outputs in LAYERS:
        w[name + ".weight"] = (rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)).astype("<f4")
        w[name + ".bias"] = (0.3 * rng.standard_normal(outputs)).astype("<f4")
    return w


def images():
    rng = np.random.default_rng(8)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    at = rng.uniform(1, SIDE - 2, (700, 2, 1, 1))
    blob = np.exp(-((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2) / rng.uniform(1, 6, (700, 1, 1)))
    return np.round(255 * blob).astype(np.uint8)


def make():
    w, header, at = weights(), {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(w):
        header[name] = {"dtype": "F32", "shape": list(w[name].shape), "data_offsets": [at, at + w[name].nbytes]}
        at += w[name].nbytes
    text = json.dumps(header).encode()
    with open("vae.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(w[name].tobytes() for name in sorted(w)))
    with open("images.idx", "wb") as f:
        f.write(struct.pack(">IIII", 0x803, 700, SIDE, SIDE) + images().tobytes())
    with open("names.txt", "w") as f:
        f.write("# ours = theirs\n\n")
        for name, inputs, outputs in LAYERS:
            f.write(f"{OURS[name]}.W = {name}.weight{' transpose' if inputs == outputs else ''}\n{OURS[name]}.b={name}.bias\n")


def measure():
    w = {k: v.astype(float) for k, v in weights().items()}
    x = images()[600:].reshape(100, -1) / 255.0
    layer = lambda name, v: v @ w[name + ".weight"].T + w[name + ".bias"]
    h = np.tanh(layer("enc", x))
    mu, logvar = layer("fc_mu", h), layer("fc_logvar", h)
    kl = 0.5 * (mu ** 2 + np.exp(logvar) - 1 - logvar).sum(1)
    rng, draws = np.random.default_rng(9), []
    for _ in range(2000):
        z = mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape)
        logit = layer("out", np.tanh(layer("dec", z)))
        draws.append((x * logit - np.logaddexp(0, logit)).sum(1).mean())
    print(repr(kl.mean()), repr(np.mean(draws)), repr(np.std(draws) / np.sqrt(len(draws))))


make() if sys.argv[1] == "make" else measure()
