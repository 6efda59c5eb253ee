/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/toys.c: draws the toy densities of toys.h.  Only + - * / sqrt: every machine draws the same bits.
 */
#include "data/toys.h"

#include "num/stream.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NORMALS = 12, UNIFORMS = 4 };

/* cos and sin of a part of a turn, by Taylor's series within an eighth of it: error below 1e-12. */
static void turn(double part, double *cosine, double *sine)
{
    double quarters = part * 4.0;
    long quadrant = (long)(quarters >= 0.0 ? quarters + 0.5 : quarters - 0.5);
    double t = (quarters - (double)quadrant) * 1.5707963267948966, t2 = t * t;
    double c = 1.0 - t2 / 2.0 * (1.0 - t2 / 12.0 * (1.0 - t2 / 30.0 * (1.0 - t2 / 56.0 * (1.0 - t2 / 90.0 *
               (1.0 - t2 / 132.0)))));
    double s = t * (1.0 - t2 / 6.0 * (1.0 - t2 / 20.0 * (1.0 - t2 / 42.0 * (1.0 - t2 / 72.0 * (1.0 - t2 / 110.0 *
               (1.0 - t2 / 156.0))))));
    switch (((quadrant % 4) + 4) % 4) {
    case 0: *cosine = c, *sine = s; break;
    case 1: *cosine = -s, *sine = c; break;
    case 2: *cosine = -c, *sine = -s; break;
    default: *cosine = s, *sine = -c; break;
    }
}

static int choose(uint32_t choice, int n)
{
    return (int)(((uint64_t)choice * (uint64_t)n) >> 32);
}

static int mixture(float *x, uint32_t choice, const float *e, const float *u)
{
    (void)u;
    double c, s;
    int k = choose(choice, 8);
    turn(k / 8.0, &c, &s);
    x[0] = (float)(2.0 * c + 0.2 * (double)e[0]);
    x[1] = (float)(2.0 * s + 0.2 * (double)e[1]);
    return k;
}

static int pinwheel(float *x, uint32_t choice, const float *e, const float *u)
{
    (void)u;
    double c, s, a = 1.0 + 0.3 * (double)e[0], b = 0.1 * (double)e[1];
    int k = choose(choice, 5);
    turn(k / 5.0 + sqrt(a * a + b * b) / 4.0, &c, &s);
    x[0] = (float)(2.0 * (c * a - s * b));
    x[1] = (float)(2.0 * (s * a + c * b));
    return k;
}

static int ring(float *x, uint32_t choice, const float *e, const float *u)
{
    (void)choice;
    double c, s, r = 2.0 + 0.1 * (double)e[0];
    turn((double)u[0], &c, &s);
    x[0] = (float)(r * c);
    x[1] = (float)(r * s);
    return 0;
}

static int moons(float *x, uint32_t choice, const float *e, const float *u)
{
    double c, s;
    int k = choose(choice, 2);
    turn((double)u[0] / 2.0, &c, &s);
    x[0] = (float)((k == 0 ? c : 1.0 - c) + 0.1 * (double)e[0]);
    x[1] = (float)((k == 0 ? s : 0.5 - s) + 0.1 * (double)e[1]);
    return k;
}

static int linear_gaussian(float *x, uint32_t choice, const float *e, const float *u)
{
    (void)choice, (void)u;
    const double length[3] = {2.0, 1.5, 1.0};
    const double unit = 0.35355339059327379; /* 1/sqrt(8) */
    for (int i = 0; i < 8; i++) {
        double sum = 0.5 * (double)e[3 + i];
        for (int j = 0; j < 3; j++) /* Walsh vector 2^j: the sign is bit j of i */
            sum += length[j] * unit * ((i >> j & 1) != 0 ? -1.0 : 1.0) * (double)e[j];
        x[i] = (float)sum;
    }
    return 0;
}

const Toy toys[] = {
    {"toy:mixture", "eight Gaussians on a circle in the plane, 20,000 + 10,000 points", 2, 8,
     "a2c2b6007e021b72733fda96c386f520dcf4d80b4f530abeebd9b6e7ffc0dc17", mixture},
    {"toy:pinwheel", "five bent arms in the plane, 20,000 + 10,000 points", 2, 5,
     "f3f7d019a3a560b71973999e82737570515c5fa25eb9c2e8bedb3451d45d11d5", pinwheel},
    {"toy:ring", "a thin ring in the plane, 20,000 + 10,000 points", 2, 0,
     "620f2b5166f7a1e97f167c1631fefc282a0c60de842619b76a9a09cd4e707850", ring},
    {"toy:moons", "two interleaved half circles in the plane, 20,000 + 10,000 points", 2, 2,
     "3a25986762a0b0e8515f6b770a652b1f90ad88c11557203d4071a87720e0ce17", moons},
    {"toy:linear-gaussian", "8 dimensions from 3 factors, likelihood known, 20,000 + 10,000 points", 8, 0,
     "4e242f9c7538252390cc0665be081843776d5f61ab5b3f4c8c1deca0e634361e", linear_gaussian},
    {NULL, NULL, 0, 0, NULL, NULL},
};

const Toy *toy_find(const char *name)
{
    for (const Toy *t = toys; t->name != NULL; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

void toy_draw(const Toy *toy, unsigned part, size_t first, size_t count, float *x, uint8_t *label)
{
    NumStream stream[3];
    const char *kind[3] = {"choice", "normal", "uniform"};
    for (int i = 0; i < 3; i++) {
        char full[64];
        snprintf(full, sizeof full, "data/%s/%s", toy->name, kind[i]);
        stream[i] = num_stream(0, full);
    }
    for (size_t i = 0; i < count; i++) {
        float e[NORMALS], u[UNIFORMS];
        uint32_t row = (uint32_t)(first + i);
        num_stream_normal(stream[1], part, row, 1, NORMALS, e);
        num_stream_uniform(stream[2], part, row, 1, UNIFORMS, u);
        label[i] = (uint8_t)toy->point(x + i * (size_t)toy->features, num_stream_word(stream[0], part, row, 0), e, u);
    }
}
