-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema.sql: the tables of results.db, version 1.  schema_2.sql … change them, and stay as they are once released
-- (schema.c); schema_views.sql holds the views, which are what people query.  Names are a public interface: add, do not
-- rename.  Times are UTC, ISO 8601.  Numbers are in nats per example unless stated.

-- One row per name given to lab.experiment.  question and script: of its latest run.
CREATE TABLE experiment (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    question TEXT,
    script   TEXT,
    created  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;

-- One row per run.  identity: the SHA-256 of what determines its numbers; configuration: the same of plan, graph and
-- data without the seed, so that runs which differ by their seed alone share it.  A superseded run (--fresh) is kept,
-- but left out of the views.  host, boot, process and process_start: the process that holds the run while it is queued
-- or running.
CREATE TABLE run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment    INTEGER NOT NULL REFERENCES experiment (id),
    identity      TEXT NOT NULL,
    configuration TEXT NOT NULL,
    label         TEXT NOT NULL,
    seed          ANY NOT NULL,          -- an integer; above 2^63 its digits as text
    status        TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'diverged', 'failed', 'interrupted', 'crashed')),
    message       TEXT,                  -- why it failed or diverged
    epochs        INTEGER NOT NULL,      -- planned; the view runs has how many are recorded
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

-- Settings by which runs are compared; a number or a text.
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

-- The state from which unfinished runs resume.
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

-- q(z|x) of single examples: a Gaussian with means mu and standard deviations sigma.  mu and sigma hold all dimensions
-- as little-endian float32; mu1 … sigma2 are the first two, for SQL (NULL where there is no second, or a value is not
-- finite).
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

-- The machine and versions of a run: host, cpu, isa, threads …  None of it changes a bit of the results.
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

-- Figures that were drawn: from which sweep, the path and the SHA-256 of the file.
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
