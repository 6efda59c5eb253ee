# SPDX-License-Identifier: GPL-3.0-or-later
#
# tests/oracle/measures.py: the metrics of a run again, by other code and other random numbers.
#
# Each function yields (metric, recomputed value, standard error of its difference from the recorded value).  The test
# images are the same on both sides, so the error is that of the draws alone: the scatter of repetitions for each image.
import numpy as np

from vae import LOG_2PI, kl, log_mean_exp

ROUNDING = 2e-5  # relative: vae-lab computes in float32
REPEATS = 4      # of what vae-lab did once


def with_rounding(value, se):
    return float(value), float(np.hypot(se, ROUNDING * abs(value) + 1e-7))


def repeated(values):
    """values (repeats, n): a mean over n images, repeated with new draws → its mean; the standard error of the
    difference from one more repetition."""
    values = np.asarray(values)
    scatter = values.var(axis=0, ddof=1).mean() / values.shape[1]
    return with_rounding(values.mean(), np.sqrt(scatter * (1 + 1 / len(values))))


def size(options, available):
    wanted = int(options.get("examples", 0))
    return min(wanted, available) if wanted else available


# ---- the bound ------------------------------------------------------------------------------------------------------


def bound_terms(vae, x, k, rng):
    mu, logvar = vae.encode(x)
    reconstruction = vae.log_weights(x, k, rng)[0].mean(axis=1)
    return {"elbo": reconstruction - kl(mu, logvar), "reconstruction": reconstruction, "kl": kl(mu, logvar)}


def record_terms(prefix, vae, pixels, k, rng):
    terms = [bound_terms(vae, pixels(), k, rng) for _ in range(REPEATS)]
    for name in terms[0]:
        yield (prefix + name, *repeated([t[name] for t in terms]))


def test_metrics(run, vae, rng):
    """The test metrics of the last epoch, with the very bits that they were computed from."""
    x = run.rows("test", 0)
    yield from record_terms("test/", vae, lambda: x, run.plan["samples"], rng)


def elbo(run, vae, rng, o):
    count = size(o, len(run.rows("test", 0)))
    for split in ("test", "train"):
        pixels = run.pixels(split, min(count, len(run.rows(split, 0))), rng, o)
        yield from record_terms("final/%s/" % split, vae, pixels, int(o["samples"]), rng)


def log_likelihoods(vae, pixels, k, rng):
    """log 1/k Σ w of each image, repeated: equation 8 of arXiv 1509.00519."""
    return [log_mean_exp(vae.log_weights(pixels(), k, rng)[1], 1) for _ in range(2)]


def nll(run, vae, rng, o):
    pixels = run.pixels("test", int(o["examples"]), rng, o)
    value, se = repeated(log_likelihoods(vae, pixels, int(o["samples"]), rng))
    yield "test/nll", -value, se


def bounds(run, vae, rng, o):
    pixels = run.pixels("test", int(o["examples"]), rng, o)
    for k in o["draws"]:
        yield ("bounds/iwae_%d" % k, *repeated(log_likelihoods(vae, pixels, int(k), rng)))


# ---- log p(x) by quadrature -----------------------------------------------------------------------------------------


def log_integral(vae, x):
    """log ∫ p(x|z) p(z) dz of each image, nats, for z of one or two dimensions, and the change by the last refinement.
    Midpoint rule on a lattice, halved until the change is small; cells whose integrand is below e^-30 of the greatest,
    for all images, are dropped: e^-60 on the first lattice, where a narrow mode lies between the points."""
    d, h, last, x = vae.latent, 0.2, None, x.astype(np.float32)
    axis = np.arange(-8, 8, h) + h / 2
    z = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    for _ in range(5):
        value = np.concatenate([_log_joint(vae, x, part) for part in np.array_split(z, 1 + len(z) // 2000)])
        now = log_mean_exp(value, 0) + np.log(len(z)) + d * np.log(h)
        change = np.inf if last is None else np.abs(now - last).max()
        if change < 1e-4:
            break
        keep = (value > value.max(axis=0) - (60 if last is None else 30)).any(axis=1)
        corners = np.stack(np.meshgrid(*[[-h / 4, h / 4]] * d, indexing="ij"), -1).reshape(-1, d)
        z, h, last = (z[keep, None] + corners).reshape(-1, d), h / 2, now
    return now, change


def _log_joint(vae, x, z):
    """log p(x_i, z_g): (grid, images)"""
    l = vae.logits(z)
    shared = np.maximum(l, 0) + np.log1p(np.exp(-np.abs(l)))
    prior = -0.5 * (z**2 + LOG_2PI).sum(axis=1)
    return (l @ x.T).astype(float) + (prior - shared.sum(axis=1, dtype=float))[:, None]


def estimators(run, vae, rng, o):
    pixels = run.pixels("test", size(o, len(run.rows("test", 0))), rng, o)
    samples, found = max(500, int(o["samples"])), {}
    for _ in range(REPEATS):
        logw = vae.log_weights(pixels(), samples, rng)[1]
        for name, k in (("iwae_1", 1), ("iwae_5", 5), ("iwae_50", 50)):
            groups = logw[:, :500].reshape(len(logw), 500 // k, k)
            found.setdefault(name, []).append(log_mean_exp(groups, 2).mean(axis=1))
        found.setdefault("importance", []).append(log_mean_exp(logw, 1))
    for name, values in found.items():
        yield ("estimate/" + name, *repeated(values))
    yield from ((n.replace("final/test", "estimate"), v, se) for n, v, se in
                record_terms("final/test/", vae, pixels, samples, rng) if n.endswith("elbo"))
    if vae.latent <= 2:
        value, change = log_integral(vae, pixels())
        yield ("estimate/exact", *with_rounding(value.mean(), change))


# ---- the latent space -----------------------------------------------------------------------------------------------


def coefficient(mu, var, i):
    """Bhattacharyya's coefficient of posterior i with all: ∫ sqrt(q_i q_j) of diagonal Gaussians, Π over the dimensions
    of sqrt(2 s t / (s² + t²)) exp(-(m - n)² / (4 (s² + t²))) (Kailath 1967, IEEE Trans. Comm. 15:52)."""
    total = var + var[i]
    log_c = 0.5 * np.log(2 * np.sqrt(var * var[i]) / total) - 0.25 * (mu - mu[i])**2 / total
    return np.exp(log_c.sum(axis=1))


def overlap(mu, sigma, label, o):
    """Mean over all pairs of two; vae-lab takes o["pairs"] random ones where there are more."""
    var, found = sigma**2, {"": [], "_same": [], "_different": []}
    for i in range(len(mu) - 1):
        c = coefficient(mu, var, i)[i + 1:]
        same = label[i + 1:] == label[i]
        for which, chosen in (("", slice(None)), ("_same", same), ("_different", ~same)):
            found[which].append(c[chosen])
    pairs, sampled = int(o["pairs"]), len(mu) * (len(mu) - 1) // 2 > int(o["pairs"])
    for which, parts in found.items():
        c = np.concatenate(parts)
        yield ("latent/overlap" + which, *with_rounding(c.mean(), sampled * c.std() / np.sqrt(pairs)))


def hole_fraction(mu, sigma, o, rng):
    """Share of z ~ N(0, I) with Σ_j ((z_j - mu_j) / sigma_j)² > radius² for every posterior."""
    draws, own, d = int(o["draws"]), 20000, mu.shape[1]
    radius2, holes = float(o["radius"])**2, 0
    for _ in range(own // 1000):
        z, distance = rng.standard_normal((1000, d)), np.zeros((1000, len(mu)))
        for j in range(d):
            distance += ((z[:, j, None] - mu[:, j]) / sigma[:, j])**2
        holes += np.count_nonzero(distance.min(axis=1) > radius2)
    share = (holes + 1) / (own + 2)  # never 0 or 1, for the error
    return "latent/hole_fraction", holes / own, float(np.sqrt(share * (1 - share) * (1 / own + 1 / draws)))


def latent_space(run, vae, rng, o):
    x = run.pixels("test", size(o, len(run.rows("test", 0))), rng, o)()
    mu, logvar = vae.encode(x)
    sigma, stored = np.exp(logvar / 2), run.posteriors()
    if stored is not None and len(stored[0]) >= len(x):
        recorded_mu, recorded_sigma, label = (a[:len(x)] for a in stored)
        for name, own, recorded in (("mu", mu, recorded_mu), ("sigma", sigma, recorded_sigma)):
            for j in range(vae.latent):
                run.metrics["posterior/%s%d" % (name, j + 1)] = recorded[:, j].mean()
                yield ("posterior/%s%d" % (name, j + 1), *with_rounding(own[:, j].mean(), 0))
        mu, sigma = recorded_mu, recorded_sigma
    else:
        label = np.full(len(x), -1)
    yield from overlap(mu, sigma, label, o)
    if vae.latent <= 3:
        yield hole_fraction(mu, sigma, o, rng)
    variance = mu.var(axis=0, ddof=1)
    yield ("latent/active_units", *with_rounding(np.count_nonzero(variance > 0.01), 0))
    yield ("latent/spread", *with_rounding(np.sqrt(mu.var(axis=0).mean()), 0))
    yield ("latent/sigma", *with_rounding(sigma.mean(), 0))


# ---- draws against reconstructions ----------------------------------------------------------------------------------


def auc(low, high):
    """P(a score of `high` is above one of `low`), ties half (Mann & Whitney 1947), and its variance by DeLong et al.
    1988, Biometrics 44:837."""
    above = (high[:, None] > low).astype(float) + 0.5 * (high[:, None] == low)
    return above.mean(), above.mean(0).var(ddof=1) / len(low) + above.mean(1).var(ddof=1) / len(high)


def judge(x, y, o, rng):
    """A network of one hidden layer of rectifiers that learns P(y = 1|x): He's initial values, Adam (arXiv 1412.6980)
    with its usual constants, minibatches of 50.  → a function that scores images."""
    hidden, moments = int(o["hidden"]), None
    w = [rng.standard_normal((x.shape[1], hidden)) * np.sqrt(2 / x.shape[1]), np.zeros(hidden),
         rng.standard_normal((hidden, 1)) * np.sqrt(2 / hidden), np.zeros(1)]
    moments, step = [(np.zeros_like(a), np.zeros_like(a)) for a in w], 0
    for _ in range(int(o["epochs"])):
        for rows in np.array_split(rng.permutation(len(x)), max(1, round(len(x) / 50))):
            h = np.maximum(x[rows] @ w[0] + w[1], 0)
            error = (1 / (1 + np.exp(-(h @ w[2] + w[3]))) - y[rows, None]) / len(rows)
            back, step = (error @ w[2].T) * (h > 0), step + 1
            for i, g in enumerate((x[rows].T @ back, back.sum(0), h.T @ error, error.sum(0))):
                m, v = moments[i] = 0.9 * moments[i][0] + 0.1 * g, 0.999 * moments[i][1] + 0.001 * g * g
                w[i] -= 1e-3 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return lambda images: (np.maximum(images @ w[0] + w[1], 0) @ w[2] + w[3])[:, 0]


def validity(run, vae, rng, o):
    """A classifier two-sample test (arXiv 1610.06545) of decoded draws of the prior against reconstructions: each half
    of both samples is scored by a judge that learnt from the other half."""
    n = min(int(o["samples"]), len(run.rows("test", 0)))
    mu, logvar = vae.encode(run.pixels("test", n, rng, o)())
    posterior = vae.decode(mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape)).astype(float)
    prior = vae.decode(rng.standard_normal(mu.shape)).astype(float)
    found = []
    for _ in range(int(o["judges"])):
        orders, score = [rng.permutation(n) for _ in range(2)], []
        halves = [(prior[orders[0][s]], posterior[orders[1][s]]) for s in (slice(0, n // 2), slice(n // 2, n))]
        for seen, unseen in (halves, halves[::-1]):
            learnt = judge(np.concatenate(seen), np.repeat([0.0, 1.0], [len(a) for a in seen]), o, rng)
            score.append(auc(*(learnt(a) for a in unseen)))
        found.append(np.mean(score, axis=0) / [1, 2])  # two halves: half the variance
    value, variance = np.mean(found, axis=0)
    judges = np.var([a for a, _ in found], ddof=1) / len(found) if len(found) > 1 else 0
    yield ("sample/auc", *with_rounding(value, np.sqrt(variance + judges + run.metrics.get("sample/auc_se", 0)**2)))


# ---- the decomposition of the KL ------------------------------------------------------------------------------------


def log_aggregate(z, mu, sigma):
    """log q(z), and log q_j(z_j) (draws, d), of q = 1/N Σ_n N(mu_n, sigma_n²)."""
    joint, each = np.empty(len(z)), np.empty(z.shape)
    for at in range(0, len(z), 500):
        log_q = np.zeros((len(z[at:at + 500]), len(mu)))
        for j in range(z.shape[1]):
            t = (z[at:at + 500, j, None] - mu[:, j]) / sigma[:, j]
            one = -0.5 * (t**2 + LOG_2PI) - np.log(sigma[:, j])
            each[at:at + 500, j] = log_mean_exp(one, 1)
            log_q += one
        joint[at:at + 500] = log_mean_exp(log_q, 1)
    return joint, each


def elbo_decomposition(run, vae, rng, o):
    """Hoffman & Johnson 2016 (ELBO surgery); Chen et al., arXiv 1802.04942, equation 2."""
    for split in ("test", "train"):
        count, prefix = size(o, len(run.rows(split, 0))), "accounting/%s/" % split
        pixels = run.pixels(split, count, rng, o)
        mu, logvar = vae.encode(pixels())
        sigma, draws = np.exp(logvar / 2), int(o["draws"])
        i = np.minimum((np.arange(draws) + rng.random(draws)) * count / draws, count - 1).astype(int)
        eps = rng.standard_normal((draws, vae.latent))
        z = mu[i] + sigma[i] * eps
        log_qx = (-0.5 * (eps**2 + LOG_2PI) - np.log(sigma[i])).sum(axis=1)
        log_p = -0.5 * (z**2 + LOG_2PI)
        log_q, each = log_aggregate(z, mu, sigma)
        terms = {
            "kl": log_qx - log_p.sum(axis=1), "mutual_information": log_qx - log_q,
            "total_correlation": log_q - each.sum(axis=1), "dimension_kl": (each - log_p).sum(axis=1),
            "marginal_kl": log_q - log_p.sum(axis=1),
        }
        for name, values in terms.items():
            se = np.hypot(values.std() / np.sqrt(draws), run.metrics.get(prefix + name + "_se", 0))
            yield (prefix + name, *with_rounding(values.mean(), se))
        yield (prefix + "log_examples", *with_rounding(np.log(count), 0))
        for name, value, se in record_terms("", vae, pixels, int(o["samples"]), rng):
            if name == "kl":
                yield prefix + "rate", value, se
            if name == "reconstruction":
                yield prefix + "distortion", -value, se


EVALUATIONS = {f.__name__: f for f in (elbo, nll, bounds, estimators, latent_space, elbo_decomposition,
                                        validity)}
