# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/oracle/vae.py: a VAE in NumPy, from its weights alone: q(z|x) = N(mu, diag sigma²), p(z) = N(0, I),
# p(x|z) = Bernoulli(sigmoid(logits)).  Written from the papers; no line comes from vae-lab.
#
#   Kingma & Welling, Auto-Encoding Variational Bayes, arXiv 1312.6114 (the ELBO; appendix B: the KL; C: the networks)
#   Burda et al., Importance Weighted Autoencoders, arXiv 1509.00519 (equation 8)
import re

import numpy as np

from record import Refused

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
               "softplus": lambda a: softplus(a)}
LOG_2PI = np.log(2 * np.pi)
DECODED = 2000  # rows that are decoded at once: they fit into the cache


def softplus(a):
    """log(1 + e^a)"""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def log_mean_exp(a, axis):
    top = a.max(axis=axis, keepdims=True)
    return np.log(np.mean(np.exp(a - top), axis=axis)) + np.squeeze(top, axis)


class Vae:
    def __init__(self, weights, activation):
        self.w = {n: a.astype(np.float64) for n, a in weights.items()}
        hidden = re.compile(r"^(encoder|decoder)\.\d+\.[Wb]$")
        heads = {h + e for h in ("encoder.mu", "encoder.logvar", "decoder.logits") for e in (".W", ".b")}
        others = sorted(n for n in self.w if n not in heads and not hidden.match(n))
        if others or not heads <= set(self.w):
            raise Refused("not one encoder to a Gaussian and one Bernoulli decoder: it has %s" %
                          ", ".join(others or sorted(self.w)))
        if activation not in ACTIVATIONS:
            raise Refused("the activation %s is not known here" % activation)
        self.act = ACTIVATIONS[activation]
        self.latent = self.w["encoder.mu.W"].shape[1]

    def _hidden(self, net, a):
        layer = 0
        while "%s.%d.W" % (net, layer) in self.w:
            w, b = (self.w["%s.%d.%s" % (net, layer, e)].astype(a.dtype) for e in "Wb")
            a = self.act(a @ w + b)
            layer += 1
        return a

    def _head(self, name, a):
        return a @ self.w[name + ".W"].astype(a.dtype) + self.w[name + ".b"].astype(a.dtype)

    def encode(self, x):
        """x (n, features) → mu, log sigma² (n, d)"""
        h = self._hidden("encoder", x.astype(np.float64))
        return self._head("encoder.mu", h), self._head("encoder.logvar", h)

    def logits(self, z):
        return self._head("decoder.logits", self._hidden("decoder", z.astype(np.float32)))

    def decode(self, z):
        """The means of p(x|z), (n, features)."""
        return 1 / (1 + np.exp(-self.logits(z)))

    def log_likelihood(self, x, z):
        """log p(x_i|z_ik), nats: x (n, features), z (n, k, d) → (n, k).  Σ_j x_j l_j - log(1 + e^l_j), l: logits."""
        n, k, d = z.shape
        out, step = np.empty((n, k)), max(1, DECODED // k)
        for i in range(0, n, step):
            l = self.logits(z[i:i + step].reshape(-1, d))
            linear = np.einsum("nkj,nj->nk", l.reshape(-1, k, l.shape[1]), x[i:i + step].astype(np.float32))
            out[i:i + step] = linear - softplus(l).sum(axis=1, dtype=np.float64).reshape(-1, k)
        return out

    def log_weights(self, x, k, rng):
        """log p(x|z) and log p(x|z) + log p(z) - log q(z|x) of k draws z ~ q(z|x), each (n, k), nats."""
        mu, logvar = self.encode(x)
        eps = rng.standard_normal((len(x), k, self.latent))
        z = mu[:, None] + np.exp(logvar / 2)[:, None] * eps
        loglik = self.log_likelihood(x, z)
        log_prior = -0.5 * (z**2 + LOG_2PI).sum(axis=2)
        log_q = -0.5 * (eps**2 + LOG_2PI + logvar[:, None]).sum(axis=2)
        return loglik, loglik + log_prior - log_q


def kl(mu, logvar):
    """KL(N(mu, sigma²) ‖ N(0, I)), nats (n): appendix B of arXiv 1312.6114."""
    return -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1)
