/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_graph_models.h: helpers for the tests of src/graph, and the two-layer VAE that they share.
 */
#ifndef TEST_GRAPH_MODELS_H
#define TEST_GRAPH_MODELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/graph.h"
#include "graph/optimiser.h"
#include "graph/exec.h"
#include "num/stream.h"

#include <stdio.h>
#include <string.h>

#define DIMS(s, b, f) ((GraphDims){{s, b, f}})
enum { B = GRAPH_BATCH, K = GRAPH_SAMPLES };

/* Fails the test with the error's text when the call that returned `node` failed. */
static inline GraphNode made(GraphNode node, const Error *err)
{
    if (node < 0) {
        char text[2048];
        error_text(text, sizeof text, err);
        fail_msg("%s", text);
    }
    return node;
}

static inline void free_all(Graph *g, GraphParams *params, GraphExec *exec)
{
    graph_exec_free(exec);
    graph_params_free(params);
    graph_free(g);
}

/* op(a, b, c) without attributes or with one; unused arguments are -1. */
static inline GraphNode apply(Graph *g, const char *op, GraphNode a, GraphNode b, GraphNode c, const char *attr,
                              const char *text, Error *err)
{
    GraphNode args[] = {a, b, c};
    GraphAttr attrs[] = {{.name = attr, .text = text}};
    return graph_apply(g, op, args, a < 0 ? 0 : b < 0 ? 1 : c < 0 ? 2 : 3, attrs, attr != NULL, err);
}

enum { VAE_X = 20, VAE_H = 16, VAE_Z = 3 };

/* 20-16-[3]-16-20, tanh, Bernoulli; bound = log p(x|z) - beta KL; named "z", "logits", "q.mu", "q.logvar", the
 * metrics and "bound".  NULL with *err, everything freed, when anything fails. */
static inline Graph *vae(size_t batch, size_t samples, Error *err)
{
    Graph *g = graph_alloc(batch, samples, err);
    if (g == NULL)
        return NULL;
#define TRY(declared, call) if ((declared = (call)) < 0) goto failed
    GraphNode x, w, b, h, mu, lv, eps, z, l, logp, kl, beta, scaled, bound;
    graph_set_location(g, "vae.lua:1");
    TRY(x, graph_input(g, "x", DIMS(1, B, VAE_X), err));
    TRY(w, graph_param(g, "encoder.0.W", VAE_X, VAE_H, "glorot_uniform", err));
    TRY(b, graph_param(g, "encoder.0.b", 1, VAE_H, "zeros", err));
    TRY(h, apply(g, "dense", x, w, b, "act", "tanh", err));
    graph_set_location(g, "vae.lua:2");
    TRY(w, graph_param(g, "mu.W", VAE_H, VAE_Z, "glorot_normal", err));
    TRY(b, graph_param(g, "mu.b", 1, VAE_Z, "zeros", err));
    TRY(mu, apply(g, "dense", h, w, b, NULL, NULL, err));
    TRY(w, graph_param(g, "logvar.W", VAE_H, VAE_Z, "normal(0.01)", err));
    TRY(b, graph_param(g, "logvar.b", 1, VAE_Z, "zeros", err));
    TRY(lv, apply(g, "dense", h, w, b, NULL, NULL, err));
    TRY(eps, graph_noise(g, "eps", "normal", DIMS(K, B, VAE_Z), err));
    TRY(z, apply(g, "reparameterise", mu, lv, eps, NULL, NULL, err));
    graph_set_location(g, "vae.lua:3");
    TRY(w, graph_param(g, "decoder.0.W", VAE_Z, VAE_H, "he_normal", err));
    TRY(b, graph_param(g, "decoder.0.b", 1, VAE_H, "fan_in_uniform(3)", err));
    TRY(h, apply(g, "dense", z, w, b, "act", "tanh", err));
    TRY(w, graph_param(g, "decoder.1.W", VAE_H, VAE_X, "uniform(0.1)", err));
    TRY(b, graph_param(g, "decoder.1.b", 1, VAE_X, "data_logit", err));
    TRY(l, apply(g, "dense", h, w, b, NULL, NULL, err));
    TRY(logp, apply(g, "bernoulli", x, l, -1, NULL, NULL, err));
    TRY(kl, apply(g, "kl", mu, lv, -1, NULL, NULL, err));
    TRY(beta, graph_scalar(g, "beta", err));
    TRY(scaled, apply(g, "mul", beta, kl, -1, NULL, NULL, err));
    TRY(bound, apply(g, "sub", logp, scaled, -1, NULL, NULL, err));
#undef TRY
    if (graph_name(g, "z", z, err) != 0 || graph_name(g, "logits", l, err) != 0 || graph_name(g, "q.mu", mu, err) != 0
        || graph_name(g, "q.logvar", lv, err) != 0 || graph_name(g, "reconstruction", logp, err) != 0
        || graph_name(g, "kl", kl, err) != 0 || graph_name(g, "bound", bound, err) != 0)
        goto failed;
    return g;
failed:
    graph_free(g);
    return NULL;
}

/* Binary patterns: one of four kinds decides which half of the pixels is on; one pixel in ten is flipped. */
static inline void patterns(size_t first, size_t rows, float *x)
{
    NumStream s = num_stream(7, "patterns");
    for (size_t i = 0; i < rows; i++) {
        uint32_t row = (uint32_t)(first + i);
        uint32_t kind = num_stream_word(s, 0, row, 0) >> 30;
        for (uint32_t j = 0; j < VAE_X; j++) {
            int on = kind == 0 ? j < VAE_X / 2 : kind == 1 ? j >= VAE_X / 2 : kind == 2 ? j % 2 == 0 : j % 2 == 1;
            int flip = (uint64_t)num_stream_word(s, 0, row, j + 1) * 10 >> 32 == 0;
            x[i * VAE_X + j] = (float)(on != flip);
        }
    }
}

#endif
