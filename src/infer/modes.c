/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * infer/modes.c: searches the modes of log p(x, z), z of one or two dimensions: candidates from grids of three sizes
 * and from the caller, which then climb the gradient.
 *
 * A narrow mode lies between the points of any grid.  Its flanks lead to it where the log density slopes towards it, as
 * that of a Gaussian likelihood does however narrow it is; a spike without flanks is found where the caller's points,
 * such as draws of q(z|x), meet it.
 */
#include "infer/modes.h"

#include <math.h>
#include <string.h>

enum {
    PLANE = 49,          /* points per dimension of a grid in the plane: PLANE * PLANE = MODES_GRID */
    FROM_GRIDS = 44,     /* candidates from the grids; the others are the caller's */
    STEPS = 60,          /* of an ascent, at most; */
    QUIET = 4            /* it ends after so many without a gain */
};

/* A grid spans (-reach, reach): the prior's bulk, its tails, and far outside, where codes lie that were trained without
 * the KL term. */
static const double REACH[] = {3, 10, 40};

void joint_evaluate(const JointDensity *f, JointPoint *points, size_t n)
{
    for (size_t first = 0; first < n; first += JOINT_PASS) {
        size_t count = n - first < JOINT_PASS ? n - first : JOINT_PASS;
        for (size_t i = 0; i < JOINT_PASS; i++) /* the rest of the last pass repeats its first point */
            for (size_t j = 0; j < f->d; j++)
                f->z[i * f->d + j] = (float)points[first + (i < count ? i : 0)].z[j];
        graph_exec_forward(f->exec);
        for (size_t i = 0; i < count; i++) {
            double logp = (double)f->logjoint[i];
            points[first + i].logp = isnan(logp) ? -INFINITY : logp;
        }
    }
}

/* ---- candidates -------------------------------------------------------------------------------------------------- */

/* Keeps the `most` best points in descending order. */
static void keep(JointPoint *best, size_t *count, size_t most, const JointPoint *p)
{
    size_t at = *count;
    if (!isfinite(p->logp) || (at == most && p->logp <= best[at - 1].logp))
        return;
    if (at == most)
        at--;
    else
        ++*count;
    for (; at > 0 && best[at - 1].logp < p->logp; at--)
        best[at] = best[at - 1];
    best[at] = *p;
}

/* Whether no neighbour on the grid is higher; of equal neighbours the first is the maximum. */
static int is_maximum(const JointPoint *grid, size_t side, size_t row, size_t column, size_t rows)
{
    double here = grid[row * side + column].logp;
    for (size_t r = row > 0 ? row - 1 : 0; r <= row + 1 && r < rows; r++)
        for (size_t c = column > 0 ? column - 1 : 0; c <= column + 1 && c < side; c++) {
            double other = grid[r * side + c].logp;
            int before = r < row || (r == row && c < column);
            if (other > here || (before && other == here))
                return 0;
        }
    return 1;
}

static void search_grid(const JointDensity *f, double reach, JointPoint *grid, JointPoint *best, size_t *count)
{
    size_t side = f->d == 1 ? MODES_GRID : PLANE, rows = MODES_GRID / side;
    for (size_t i = 0; i < MODES_GRID; i++) {
        grid[i].z[0] = reach * (2 * (double)(i % side) / (double)(side - 1) - 1);
        grid[i].z[1] = f->d == 1 ? 0 : reach * (2 * (double)(i / side) / (double)(rows - 1) - 1);
    }
    joint_evaluate(f, grid, MODES_GRID);
    for (size_t i = 0; i < MODES_GRID; i++)
        if (is_maximum(grid, side, i / side, i % side, rows))
            keep(best, count, FROM_GRIDS, &grid[i]);
}

/* ---- ascent ------------------------------------------------------------------------------------------------------ */

typedef struct Climber {
    JointPoint at;
    double slope[2], step;
} Climber;

/* [OUT] there: the density and its gradient at the proposed points.  The exec's gradient is that of minus the mean. */
static void evaluate_proposals(const JointDensity *f, Climber *there)
{
    for (size_t i = 0; i < MODES_ASCENT; i++)
        for (size_t j = 0; j < f->d; j++)
            f->ascent_z[i * f->d + j] = (float)there[i].at.z[j];
    graph_exec_forward(f->ascent);
    graph_exec_backward(f->ascent);
    const float *gradient = graph_exec_feed_gradient(f->ascent, "z", NULL);
    for (size_t i = 0; i < MODES_ASCENT; i++) {
        there[i].at.logp = (double)f->ascent_logjoint[i];
        for (size_t j = 0; j < f->d; j++)
            there[i].slope[j] = -MODES_ASCENT * (double)gradient[i * f->d + j];
    }
}

static double square(const double *v, size_t d)
{
    return v[0] * v[0] + (d == 2 ? v[1] * v[1] : 0);
}

/* A step along the gradient, at most 1 long. */
static void propose(const Climber *c, Climber *there, size_t d)
{
    double length = c->step * sqrt(square(c->slope, d)), part = length > 1 ? 1 / length : 1;
    *there = *c;
    for (size_t j = 0; j < d; j++)
        there->at.z[j] += part * c->step * c->slope[j];
}

/* Accepts a higher point, and takes the step length of Barzilai and Borwein from it (1988); else a shorter step. */
static void advance(Climber *c, const Climber *there, size_t d)
{
    if (!(there->at.logp > c->at.logp) || !isfinite(square(there->slope, d))) {
        c->step /= 4;
        return;
    }
    double moved[2] = {0}, curvature = 0, step = c->step;
    for (size_t j = 0; j < d; j++) {
        moved[j] = there->at.z[j] - c->at.z[j];
        curvature -= moved[j] * (there->slope[j] - c->slope[j]);
    }
    *c = *there;
    c->step = curvature > 0 ? square(moved, d) / curvature : 2 * step;
}

static void climb(const JointDensity *f, JointPoint *points, size_t n)
{
    Climber c[MODES_ASCENT], there[MODES_ASCENT];
    for (size_t i = 0; i < MODES_ASCENT; i++)
        c[i] = (Climber){.at = points[i < n ? i : 0]};
    evaluate_proposals(f, c);
    for (size_t i = 0; i < MODES_ASCENT; i++)
        c[i].step = 0.05 / (sqrt(square(c[i].slope, f->d)) + 1e-30);
    for (int step = 0, quiet = 0; step < STEPS && quiet < QUIET; step++) {
        double gain = 0;
        for (size_t i = 0; i < MODES_ASCENT; i++)
            propose(&c[i], &there[i], f->d);
        evaluate_proposals(f, there);
        for (size_t i = 0; i < n; i++) {
            gain = fmax(gain, there[i].at.logp - c[i].at.logp);
            advance(&c[i], &there[i], f->d);
        }
        quiet = gain < 1e-3 ? quiet + 1 : 0;
    }
    for (size_t i = 0; i < n; i++)
        if (c[i].at.logp > points[i].logp)
            points[i] = c[i].at;
}

size_t modes_find(const JointDensity *f, JointPoint *starts, size_t nstarts, JointPoint *grid, JointPoint *points)
{
    size_t from_grids = 0, from_starts = 0;
    for (size_t g = 0; g < sizeof REACH / sizeof REACH[0]; g++)
        search_grid(f, REACH[g], grid, points, &from_grids);
    joint_evaluate(f, starts, nstarts);
    for (size_t i = 0; i < nstarts; i++)
        keep(points + from_grids, &from_starts, MODES_ASCENT - FROM_GRIDS, &starts[i]);
    size_t n = from_grids + from_starts;
    memcpy(points + n, points, n * sizeof *points);
    if (n > 0)
        climb(f, points, n);
    return 2 * n;
}
