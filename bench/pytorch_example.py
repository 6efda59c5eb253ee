#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/pytorch_example.py: the test loss of PyTorch's VAE example, seed by seed: the numbers that experiments/pytorch_example.lua is
# compared with.
#
#     pytorch_example.py TRAIN_IMAGES TEST_IMAGES FIRST_SEED LAST_SEED      # two IDX files of MNIST's images
#
# Prints "SEED LOSS" for each seed: the loss on the test images after ten epochs, nats per image.  The model and its training are those
# of github.com/pytorch/examples, vae/main.py: 784-400 relu-20, Adam at 1e-3, minibatches of 128, grey pixels.  About 100 s a seed.
import sys

import torch
from torch import nn
from torch.nn import functional as F

from epoch_torch import read_images

HIDDEN, LATENT, BATCH, EPOCHS = 400, 20, 128, 10


class VAE(nn.Module):
    def __init__(self, pixels):
        super().__init__()
        self.encoder, self.mu, self.logvar = nn.Linear(pixels, HIDDEN), nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)
        self.decoder, self.pixels = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, pixels)

    def loss(self, x):
        """Cross-entropy plus KL, summed over the minibatch."""
        h = F.relu(self.encoder(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)
        p = torch.sigmoid(self.pixels(F.relu(self.decoder(z))))
        return F.binary_cross_entropy(p, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def test_loss(seed, train, test):
    torch.manual_seed(seed)
    model = VAE(train.shape[1])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train)).split(BATCH):
            optimiser.zero_grad()
            model.loss(train[rows]).backward()
            optimiser.step()
    with torch.no_grad():
        return sum(model.loss(x).item() for x in test.split(BATCH)) / len(test)


def main():
    torch.set_num_threads(1)
    train, test = read_images(sys.argv[1]), read_images(sys.argv[2])
    for seed in range(int(sys.argv[3]), int(sys.argv[4]) + 1):
        print(seed, test_loss(seed, train, test), flush=True)


main()
