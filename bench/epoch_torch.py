#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/epoch_torch.py: PyTorch trains the models of epoch.py, one per line of standard input.
#
#     epoch_torch.py IMAGES THREADS
#
# Prints its version in one line of JSON.  For each line {"hidden": …, "examples": N, "loss": …, "foreach": …} it prints
# {"seconds": of these examples, "bound": mean over them, nats per example}.
#
# This is PyTorch's best case: the images are in memory as one float tensor, there is no loader, the order is a randperm whose time is
# included, a few steps warm up before the clock starts, and the loss is read once at the end.
import gzip
import json
import math
import sys
import time

import torch
from torch import nn, optim
from torch.nn import functional as F

IMAGES_HEAD, PIXELS = 16, 784


def read_images(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        pixels = bytearray(f.read()[IMAGES_HEAD:])
    return torch.frombuffer(pixels, dtype=torch.uint8).reshape(-1, PIXELS).float() / 255


ACTIVATIONS = {"relu": F.relu, "tanh": torch.tanh}


def cross_entropy(logits, x, loss):
    """-log p(x|z) summed over the pixels: (…, pixels) to (…); three ways to write it."""
    if loss == "sigmoid":
        return F.binary_cross_entropy(torch.sigmoid(logits), x.expand_as(logits), reduction="none").sum(-1)
    if loss == "logits":
        return F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
    return F.softplus(logits).sum(-1) - (x * logits).sum(-1)


class VAE(nn.Module):
    def __init__(self, hidden, latent, act):
        super().__init__()
        widths = [PIXELS] + hidden
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.mu, self.logvar = nn.Linear(widths[-1], latent), nn.Linear(widths[-1], latent)
        widths = [latent] + hidden[::-1]
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.logits = nn.Linear(widths[-1], PIXELS)
        self.act = ACTIVATIONS[act]

    def encode(self, x):
        for layer in self.encoder:
            x = self.act(layer(x))
        return self.mu(x), self.logvar(x)

    def decode(self, z):
        for layer in self.decoder:
            z = self.act(layer(z))
        return self.logits(z)

    def minus_elbo(self, x, k, loss):
        """With the closed form of the KL, as in PyTorch's example; (batch)."""
        mu, logvar = self.encode(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        logits = self.decode(z)
        if loss == "sigmoid":  # the example's own call
            reconstruction = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum")
        elif loss == "logits":
            reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        else:
            reconstruction = (F.softplus(logits) - x * logits).sum()
        return (reconstruction - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())) / len(x)

    def minus_iwae(self, x, k, loss):
        """Burda et al., equation 8: -log 1/k sum w."""
        mu, logvar = self.encode(x)
        eps = torch.randn(k, *mu.shape)
        z = mu + eps * torch.exp(0.5 * logvar)
        # log p(z) - log q(z|x): the constants cancel
        logw = 0.5 * (eps.pow(2) - z.pow(2) + logvar).sum(-1) - cross_entropy(self.decode(z), x, loss)
        return math.log(k) - torch.logsumexp(logw, 0).mean()


def train(images, request):
    model = VAE(request["hidden"], request["latent"], request["act"])
    objective = model.minus_iwae if request["bound"] == "iwae" else model.minus_elbo
    optimiser = optim.Adam(model.parameters(), lr=1e-3, foreach=request["foreach"])
    batch = request["batch"]

    def steps(rows):
        total = torch.zeros(())
        for i in range(0, len(rows), batch):
            x = images[rows[i:i + batch]]
            if request["binarise"] == "dynamic":
                x = torch.bernoulli(x)
            optimiser.zero_grad(set_to_none=True)
            loss = objective(x, request["samples"], request["loss"])
            loss.backward()
            optimiser.step()
            total += loss.detach() * len(x)
        return total.item() / len(rows)

    steps(torch.arange(8 * batch))
    start, start_cpu = time.perf_counter(), time.process_time()
    examples = min(request["examples"], len(images))
    bound = steps(torch.randperm(len(images))[:examples])
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_cpu, "bound": -bound}


def main():
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(1)
    images = read_images(sys.argv[1])
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(train(images, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
