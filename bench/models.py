# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/models.py: the measured models, and the matrix products of a training step of each.


class Model:
    """A VAE 784 - hidden … - latent and back; k draws of z per example; `bound`: elbo or iwae."""

    def __init__(self, name, hidden, latent, batch, k=1, act="tanh", bound="elbo", binarise="dynamic", init="glorot", pixels=784):
        self.name, self.hidden, self.latent, self.batch, self.k = name, list(hidden), latent, batch, k
        self.act, self.bound, self.binarise, self.init, self.pixels = act, bound, binarise, init, pixels

    def but(self, **other):
        """The same model with other settings."""
        copy = Model.__new__(Model)
        copy.__dict__.update(self.__dict__, **other)
        return copy

    def settings(self):
        """For `vae-lab run bench/model.lua --set …`."""
        return {"net": "-".join([self.act] + [str(h) for h in self.hidden]), "latent": self.latent, "batch": self.batch,
                "samples": self.k, "bound": self.bound, "binarise": self.binarise, "init": self.init}

    def layers(self):
        """(rows, inputs, outputs, whether the gradient of its input is needed) of each dense layer."""
        encoder = [self.pixels] + self.hidden
        decoder = [self.latent] + self.hidden[::-1] + [self.pixels]
        layers = [(self.batch, a, b, i > 0) for i, (a, b) in enumerate(zip(encoder, encoder[1:]))]
        layers += 2 * [(self.batch, encoder[-1], self.latent, True)]  # mu and log sigma^2
        return layers + [(self.k * self.batch, a, b, True) for a, b in zip(decoder, decoder[1:])]

    def products(self):
        """The products of one training step, each (form, m, n, k) as in num/matmul.h."""
        products = []
        for rows, a, b, back in self.layers():
            products.append(("NN", rows, b, a))      # y = x W
            if back:
                products.append(("NT", rows, a, b))  # dx = dy W^T
            products.append(("TN", a, b, rows))      # dW = x^T dy
        return products

    def steps(self, examples):
        return -(-examples // self.batch)


def operations(products):
    """Multiplications and additions."""
    return sum(2.0 * m * n * k for _, m, n, k in products)


IWAE = Model("784-200-200-50", [200, 200], 50, 20, bound="iwae")
STEP_MODELS = [
    Model("784-500-2", [500], 2, 100),
    Model("784-400-20", [400], 20, 128, act="relu"),
    Model("784-200-200-50", [200, 200], 50, 100),
    IWAE.but(name="IWAE k=5", k=5),
    IWAE.but(name="IWAE k=50", k=50),
]
# github.com/pytorch/examples, vae/main.py
PYTORCH_EXAMPLE = Model("VAE 784-400-20", [400], 20, 128, act="relu", binarise="grey", init="pytorch")
