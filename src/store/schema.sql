-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema.sql: results.db, version 1.  Tables are written by vae-lab alone; views are what people query.
-- The names are a public interface: add, do not rename.  Times are UTC, ISO 8601.  Numbers are nats per example where
-- nothing else is said.  A later version goes into a new file and one more row in schema.c; this one stays as it is.

-- ---- tables ----------------------------------------------------------------------------------------------------------

-- One row a name given to lab.experiment.  question and script are those of its latest run.
CREATE TABLE experiment (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    question TEXT,
    script   TEXT,
    created  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;

-- One row a run.  identity is the SHA-256 of what determines its numbers; configuration is that of plan, graph and data
-- without the seed, so that runs which differ by their seed alone share it.  A superseded run (--fresh) is kept, out of
-- the views.  host, boot, process and process_start say who has it while it is queued or running.
CREATE TABLE run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment    INTEGER NOT NULL REFERENCES experiment (id),
    identity      TEXT NOT NULL,
    configuration TEXT NOT NULL,
    label         TEXT NOT NULL,
    seed          ANY NOT NULL,          -- an integer; above 2^63 its digits as text
    status        TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'diverged', 'failed', 'interrupted', 'crashed')),
    message       TEXT,                  -- why it failed or diverged
    epochs        INTEGER NOT NULL,      -- planned; how many are done: view runs
    seconds       REAL,
    digest        TEXT,                  -- SHA-256 of the final parameters
    graph         TEXT NOT NULL,
    plan          TEXT NOT NULL,         -- JSON
    data          TEXT NOT NULL,
    data_digest   TEXT NOT NULL,
    superseded_by INTEGER REFERENCES run (id) DEFERRABLE INITIALLY DEFERRED,
    created       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    started       TEXT,
    finished      TEXT,
    host          TEXT,
    boot          TEXT,
    process       INTEGER,
    process_start INTEGER
) STRICT;
CREATE UNIQUE INDEX run_identity ON run (identity) WHERE superseded_by IS NULL;
CREATE INDEX run_experiment ON run (experiment, label);

-- Settings that a reader compares runs by; a number or a text.
CREATE TABLE param (
    run   INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,
    value ANY,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_name (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE            -- test/elbo, gradient/norm …
) STRICT;

-- step: the epoch, from 1; 0 for a number about the whole run.  Not finite: value NULL, kind 'nan', 'inf' or '-inf'.
-- Recorded metrics never change, except time/…, which measure the machine.
CREATE TABLE metric (
    run    INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    metric INTEGER NOT NULL REFERENCES metric_name (id),
    step   INTEGER NOT NULL CHECK (step >= 0),
    value  REAL,
    kind   TEXT CHECK ((kind IS NULL) = (value IS NOT NULL) AND (kind IS NULL OR kind IN ('nan', 'inf', '-inf'))),
    PRIMARY KEY (run, metric, step)
) STRICT, WITHOUT ROWID;

-- The state to go on from, of runs that are not finished.
CREATE TABLE checkpoint (
    run     INTEGER PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    step    INTEGER NOT NULL,
    bytes   BLOB NOT NULL,
    written TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;

-- Arrays and files of a run: 'weights' (the final parameters), 'originals' …  meta: JSON that describes the bytes.
CREATE TABLE artifact (
    id    INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,
    kind  TEXT NOT NULL,
    meta  TEXT,
    bytes BLOB NOT NULL,
    UNIQUE (run, name)
) STRICT;

-- q(z|x) of single examples: a Gaussian with means mu and standard deviations sigma.  mu and sigma hold all dimensions as
-- little-endian float32; mu1 … sigma2 are the first two, for SQL (NULL where there is no second, or a value is not finite).
CREATE TABLE posterior (
    run     INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    example INTEGER NOT NULL,
    label   INTEGER,
    mu1     REAL,
    mu2     REAL,
    sigma1  REAL,
    sigma2  REAL,
    mu      BLOB NOT NULL,
    sigma   BLOB NOT NULL,
    PRIMARY KEY (run, example)
) STRICT, WITHOUT ROWID;

-- What a run ran on: host, cpu, isa, threads, versions …  None of it changes a bit of the results.
CREATE TABLE environment (
    run   INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,
    value ANY,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- One call of `vae-lab run`, its settings (JSON), and its runs in their order.
CREATE TABLE sweep (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment INTEGER NOT NULL REFERENCES experiment (id),
    settings   TEXT,
    created    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;
CREATE TABLE sweep_run (
    sweep    INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    run      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    PRIMARY KEY (sweep, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweep_run_run ON sweep_run (run);

-- Figures that were drawn: from which sweep, where to, and the SHA-256 of the file.
CREATE TABLE figure (
    id         INTEGER PRIMARY KEY,
    experiment INTEGER NOT NULL REFERENCES experiment (id),
    sweep      INTEGER REFERENCES sweep (id),
    name       TEXT NOT NULL,
    format     TEXT NOT NULL,
    path       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    drawn      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    UNIQUE (experiment, name, format, path)
) STRICT;

-- ---- views -----------------------------------------------------------------------------------------------------------
-- Correlated look-ups of one key each (run, metric, greatest step) instead of scans: a database of a thousand runs with
-- ten thousand values each answers in a fraction of a second.

-- One row a run.  epochs: done so far.  beta, latent: its settings of that name.  elbo, reconstruction, kl, nll: the last
-- value on the test split, NULL where it is missing or not finite.
CREATE VIEW runs AS
SELECT r.id AS id, e.name AS experiment, r.label AS label, r.seed AS seed, r.status AS status,
    coalesce((SELECT max((SELECT max(m.step) FROM metric m WHERE m.run = r.id AND m.metric = n.id))
              FROM metric_name n WHERE n.name >= 'train/' AND n.name < 'train0'), 0) AS epochs,
    r.seconds AS seconds, r.digest AS digest,
    (SELECT p.value FROM param p WHERE p.run = r.id AND p.name = 'beta') AS beta,
    (SELECT p.value FROM param p WHERE p.run = r.id AND p.name = 'latent') AS latent,
    r.data AS data,
    (SELECT m.value FROM metric m WHERE m.run = r.id AND m.metric = (SELECT id FROM metric_name WHERE name = 'test/elbo')
     ORDER BY m.step DESC LIMIT 1) AS elbo,
    (SELECT m.value FROM metric m WHERE m.run = r.id AND m.metric =
        (SELECT id FROM metric_name WHERE name = 'test/reconstruction')
     ORDER BY m.step DESC LIMIT 1) AS reconstruction,
    (SELECT m.value FROM metric m WHERE m.run = r.id AND m.metric = (SELECT id FROM metric_name WHERE name = 'test/kl')
     ORDER BY m.step DESC LIMIT 1) AS kl,
    (SELECT m.value FROM metric m WHERE m.run = r.id AND m.metric = (SELECT id FROM metric_name WHERE name = 'test/nll')
     ORDER BY m.step DESC LIMIT 1) AS nll,
    r.configuration AS configuration
FROM run r JOIN experiment e ON e.id = r.experiment
WHERE r.superseded_by IS NULL;

-- Every metric of every epoch; value NULL where it is not finite.
CREATE VIEW curves AS
SELECT r.id AS run, e.name AS experiment, r.label AS label, r.seed AS seed, n.name AS metric, m.step AS step, m.value AS value
FROM run r JOIN experiment e ON e.id = r.experiment JOIN metric m ON m.run = r.id JOIN metric_name n ON n.id = m.metric
WHERE r.superseded_by IS NULL AND m.step >= 1;

-- The last value of every metric of every run; value NULL with its kind where it is not finite.  CROSS JOIN keeps the order of
-- the look-ups: run, name, then one row.  SQLite's own choice reads all rows of a run: for a thousand runs of a thousand epochs
-- the view summary then takes 5.7 s of processor time instead of 0.2 s.
CREATE VIEW last_values AS
SELECT r.id AS run, e.name AS experiment, r.label AS label, r.seed AS seed, n.name AS metric, m.step AS step, m.value AS value,
    m.kind AS kind, r.status AS status, r.data AS data, r.configuration AS configuration
FROM run r JOIN experiment e ON e.id = r.experiment CROSS JOIN metric_name n CROSS JOIN metric m
    ON m.run = r.id AND m.metric = n.id AND m.step = (SELECT max(step) FROM metric WHERE run = r.id AND metric = n.id)
WHERE r.superseded_by IS NULL;

-- Over the seeds of one configuration (same experiment, label, graph, plan and data), of runs that are done: how many seeds
-- have a finite last value, their mean, their sample standard deviation and Student's 95 % interval of the mean.
-- missing: done runs whose last value is not finite; they are in no other column.
-- t: quantiles 0.975; above 30 degrees of freedom Fisher and Cornish's series in 1/df, within 2e-6 of them.
CREATE VIEW summary AS
WITH t (df, q) AS (VALUES
    (1, 12.7062047361747), (2, 4.30265272974946), (3, 3.1824463052837), (4, 2.77644510519779), (5, 2.57058183563631),
    (6, 2.44691185114497), (7, 2.36462425159278), (8, 2.30600413520417), (9, 2.26215716279821), (10, 2.22813885198627),
    (11, 2.20098516009164), (12, 2.17881282966723), (13, 2.16036865646279), (14, 2.1447866879178), (15, 2.13144954555978),
    (16, 2.11990529922125), (17, 2.10981557783332), (18, 2.10092204024104), (19, 2.09302405440831), (20, 2.08596344726586),
    (21, 2.07961384472768), (22, 2.07387306790402), (23, 2.06865761041905), (24, 2.06389856162802), (25, 2.0595385527533),
    (26, 2.05552943864287), (27, 2.05183051648029), (28, 2.04840714179525), (29, 2.0452296421327), (30, 2.04227245630124)),
v AS (
    SELECT experiment, label, metric, data, configuration, value,
        avg(value) OVER (PARTITION BY experiment, label, configuration, metric) AS mean
    FROM last_values WHERE status = 'done'),
s AS (
    SELECT experiment, label, metric, data, configuration, count(value) AS seeds, count(*) - count(value) AS missing, mean,
        sqrt(sum((value - mean) * (value - mean)) / nullif(count(value) - 1, 0)) AS sd
    FROM v GROUP BY experiment, label, configuration, metric),
h AS (
    SELECT s.*, sd / sqrt(seeds) * coalesce(
        (SELECT q FROM t WHERE df = seeds - 1),
        1.9599639845400536 + (2.3722712302985607 + (2.8224986157396081 + 2.5558496795077188
            / (seeds - 1)) / (seeds - 1)) / (seeds - 1)) AS half
    FROM s)
SELECT experiment, label, metric, seeds, mean, sd, mean - half AS ci_low, mean + half AS ci_high, missing, data, configuration
FROM h;

-- Two-dimensional posteriors as ellipses at one standard deviation: major and minor are the semi-axes, angle (degrees, from
-- the first axis) is where the major one points: 0 or 90, since q has no correlation.
CREATE VIEW ellipses AS
SELECT p.run AS run, p.example AS example, p.label AS label, p.mu1 AS mu1, p.mu2 AS mu2,
    max(p.sigma1, p.sigma2) AS major, min(p.sigma1, p.sigma2) AS minor,
    CASE WHEN p.sigma2 > p.sigma1 THEN 90.0 ELSE 0.0 END AS angle
FROM posterior p JOIN run r ON r.id = p.run
WHERE r.superseded_by IS NULL AND length(p.mu) = 8 AND p.mu1 IS NOT NULL AND p.mu2 IS NOT NULL
    AND p.sigma1 IS NOT NULL AND p.sigma2 IS NOT NULL;
