/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/density_list.h: the log densities and divergences that have a kernel, and the reparameterisation, one row each.
 *
 * From these rows come the enumeration (num/density.h), the kernel tables (num/isa/density.c), the table of oracles
 * (num/density.c), the operations of src/graph and the cases of the tests.  To add one: a row here, its kernels in
 * num/isa/density.c, its oracle in num/density.c.
 *
 *   X(NAME, name, recorded, form, domain, formula, operands ...)
 *
 *   NAME, name   NUM_NAME in C; `name` is the operation's name in a graph
 *   recorded     its name in a graph's canonical text where that is another, else NULL: identities of runs hold this name
 *   form         SUM: the terms of a row are added over the features, in nats; EACH: one result for each element
 *   domain       where the tests draw the first operand: ANY number, UNIT interval (a probability)
 *   operands     the papers' symbols; the tests draw log variances and logits (named lv..., log...) from wider intervals
 */
#ifndef NUM_DENSITY_LIST_H
#define NUM_DENSITY_LIST_H

#define NUM_DENSITY_LIST(X)                                                                                            \
    X(NORMAL, normal, NULL, SUM, ANY, "ln N(x; mu, exp logvar) = -1/2 sum(ln 2 pi + logvar + (x - mu)^2 exp(-logvar))",\
      "x", "mu", "logvar")                                                                                             \
    X(STANDARD_NORMAL, standard_normal, NULL, SUM, ANY, "ln N(z; 0, I) = -1/2 sum(ln 2 pi + z^2)", "z")                \
    X(LAPLACE, laplace, NULL, SUM, ANY, "ln Laplace(x; mu, exp logscale) = -sum(ln 2 + logscale + |x - mu| exp(-logscale))",\
      "x", "mu", "logscale")                                                                                           \
    X(BERNOULLI, bernoulli, NULL, SUM, UNIT, "ln Bernoulli(x; sigmoid l) = sum(x l - softplus l)", "x", "logits")      \
    X(KL, kl, NULL, SUM, ANY, "KL(N(mu, exp logvar) || N(0, I)) = 1/2 sum(mu^2 + exp logvar - 1 - logvar)", "mu", "logvar")\
    X(KL_NORMAL_NORMAL, kl_normal_normal, "kl2", SUM, ANY,                                                             \
      "KL(N(mu1, exp lv1) || N(mu2, exp lv2)) = 1/2 sum(lv2 - lv1 - 1 + exp(lv1 - lv2) + (mu1 - mu2)^2 exp(-lv2))",    \
      "mu1", "lv1", "mu2", "lv2")                                                                                      \
    X(REPARAMETERISE, reparameterise, NULL, EACH, ANY, "z = mu + exp(logvar / 2) eps", "mu", "logvar", "eps")

#endif
