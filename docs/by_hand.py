#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docs/by_hand.py: a few of vae-lab's numbers, from the seed to the last bit, in whole numbers and exact fractions: no float of
# the machine takes part.  What it prints stands in docs/arithmetic.md; the tests hold both against the engine.
import hashlib
from fractions import Fraction
from math import isqrt

# ---- float32: a number M 2^e with |M| < 2^24 and e >= -149 ---------------------------------------------------------------


def nearest(q):
    """The float32 nearest to the fraction q; of two equally near ones that with the even M."""
    if q == 0:
        return Fraction(0)
    e = -149
    while abs(q) >= Fraction(2) ** (e + 24):
        e += 1
    return round(q / Fraction(2) ** e) * Fraction(2) ** e  # Python rounds a half to even


def fma(a, b, c):
    return nearest(a * b + c)


def add(a, b):
    return nearest(a + b)


def mul(a, b):
    return nearest(a * b)


def sqrt(a):
    root = Fraction(isqrt(a.numerator * 4**100 // a.denominator), 2**100)  # 100 binary places, and a sticky last one
    return nearest(root if root * root == a else root + Fraction(1, 2**101))


def parts(x):
    """The M and the e of a float32; M has 24 bits, if x is not too small for that."""
    e = -149
    while abs(x) >= Fraction(2) ** (e + 24):
        e += 1
    return int(x / Fraction(2) ** e), e


def bits(x):
    """The 32 bits of a float32; of zero those of +0."""
    m, e = parts(x)
    return (m < 0) << 31 | ((e + 149) << 23) + abs(m)  # the leading one of 24 bits adds 1 to the exponent's field


def of_bits(b):
    m, e = b & 0x7FFFFF, b >> 23 & 0xFF
    x = Fraction(m | (0x800000 if e else 0)) * Fraction(2) ** (max(e, 1) - 150)
    return -x if b >> 31 else x


def c(text):
    """A constant as C writes it: 0x1.62e43p-1 or 0.7."""
    return Fraction(float.fromhex(text)) if "x" in text else nearest(Fraction(text))


def polynomial(x, *coefficients):
    """Horner's rule, one fma for each coefficient after the first."""
    y = c(coefficients[0])
    for k in coefficients[1:]:
        y = fma(y, x, c(k))
    return y


# ---- the functions, as src/num/isa/scalar.h defines them -------------------------------------------------------------------
LN2 = c("0x1.62e43p-1")


def exp(x):
    n = nearest(Fraction(round(x * c("0x1.715476p+0"))))
    r = fma(n, -c("0x1.62e4p-1"), x)
    r = fma(n, -c("0x1.7f7d1cp-20"), r)
    q = polynomial(r, "0x1.6a2314p-10", "0x1.123aaep-7", "0x1.5558f6p-5", "0x1.55549p-3", "0x1.fffffcp-2")
    m = fma(mul(r, r), q, r)
    return add(1, m) * Fraction(2) ** int(n)


def log(x):
    b = bits(x)
    e = (b - bits(c("0x1.555556p-1"))) >> 23
    m = add(of_bits(b - (e << 23)), -1)
    g = polynomial(m, "-0x1.08070ap-3", "0x1.1e6616p-3", "-0x1.f3109ep-4", "0x1.1ed73ap-3", "-0x1.559ddp-3",
                   "0x1.99d026p-3", "-0x1.fffefp-3", "0x1.555506p-2", "-0.5")
    return fma(-e, -LN2, fma(mul(m, m), g, m))


def cos_sin_of_turns(v):
    t = round(4 * v)
    f = fma(v, 4, -t)
    s = mul(f, f)
    p = polynomial(s, "-0x1.2dc84cp-8", "0x1.466004p-4", "-0x1.4abbbep-1", "-0x1.777a5cp-25")
    sine = fma(f, c("0x1.921fb6p+0"), mul(f, p))
    q = polynomial(s, "0x1.d9d58p-11", "-0x1.55c5ep-6", "0x1.03c1dep-2", "-0x1.3bd3ccp+0")
    cosine = fma(q, s, Fraction(1))
    return [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)][t % 4]


def tanh_near_0(x):
    s = mul(x, x)  # |x| < 0.55
    h = polynomial(s, "-0x1.9baf08p-8", "0x1.5954a6p-6", "-0x1.b92b84p-5", "0x1.110d3ap-3", "-0x1.55554cp-2")
    return fma(mul(h, s), x, x)


# ---- the random stream ------------------------------------------------------------------------------------------------------


def key(seed, name):
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return [int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")]


def philox(k, x):
    k = list(k)
    for _ in range(10):
        p, q = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [q >> 32 ^ x[1] ^ k[0], q & 0xFFFFFFFF, p >> 32 ^ x[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


def uniform(word):
    return min(nearest((word + Fraction(1, 2)) / 2**32), 1 - Fraction(1, 2**24))


# ---- the numbers ------------------------------------------------------------------------------------------------------------


def words(what, w):
    print(f"{what:<34}" + " ".join(f"0x{v:08x}" for v in w))


def show(what, x):
    m, e = parts(x)
    whole = f"{m} 2^{e}" if m else "0"
    print(f"{what:<34}0x{bits(x):08x}  {whole:<14}  {float(x):.9g}")


def one_number():
    k = key(1, "noise")
    block = philox(k, [0, 0, 0, 0])
    words('key of stream "1:noise"', k)
    words("block (0, 0, 0, 0)", block)
    u, v = uniform(block[0]), uniform(block[1])
    show("u = uniform(word 0)", u)
    show("v = uniform(word 1)", v)
    log_u = log(u)
    radius = sqrt(mul(-2, log_u))
    cosine, sine = cos_sin_of_turns(v)
    show("log u", log_u)
    show("r = sqrt(-2 log u)", radius)
    show("cos 2 pi v", cosine)
    show("sin 2 pi v", sine)
    eps = [mul(radius, cosine), mul(radius, sine)]
    show("eps[0] = r cos 2 pi v", eps[0])
    show("eps[1] = r sin 2 pi v", eps[1])
    mu, logvar = [c("0.25"), c("-0.1")], [c("-1"), c("0.3")]
    z = []
    for j in range(2):
        sigma = exp(mul(c("0.5"), logvar[j]))
        show(f"sigma[{j}] = exp(logvar[{j}] / 2)", sigma)
        z.append(add(mu[j], mul(eps[j], sigma)))
        show(f"z[{j}] = mu[{j}] + eps[{j}] sigma[{j}]", z[j])
    chain = fma(z[0], c("0.3"), Fraction(0))
    show("fma(z[0], w[0], 0)", chain)
    chain = fma(z[1], c("-0.2"), chain)
    show("fma(z[1], w[1], the last)", chain)
    h = add(chain, c("0.05"))
    show("a = the last + b", h)
    show("h = tanh(a)", tanh_near_0(h))


def orders():
    tenth = c("0.1")
    show("0.1", tenth)
    show("fma(0.1, 10, -1)", fma(tenth, 10, -1))
    show("0.1 * 10 - 1, rounded twice", add(mul(tenth, 10), -1))
    chain = Fraction(0)
    for _ in range(40):
        chain = add(chain, tenth)
    lanes = [Fraction(0)] * 16
    for i in range(40):
        lanes[i % 16] = add(lanes[i % 16], tenth)
    for half in (8, 4, 2, 1):
        lanes = [add(lanes[j], lanes[j + half]) for j in range(half)]
    show("40 times 0.1: a chain", chain)
    show("40 times 0.1: 16 lanes, the tree", lanes[0])
    show("40 times 0.1: exact, rounded once", nearest(40 * tenth))


one_number()
print()
orders()
