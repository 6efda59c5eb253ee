-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_views.sql: the views of results.db, in their newest form.  Every migration drops and creates them: a view
-- holds no data.  To change one, edit it here and add a schema_N.sql (a comment is enough), so that existing databases
-- get it.  Views are what people query; their columns are a public interface: add at the end, do not rename.
--
-- A run that several experiments have in common has one row in each of them, with that experiment's label and settings:
-- within one experiment it counts once.  Runs that --fresh has superseded are left out of all views but `details`.
-- Values are looked up by their key (run, metric, greatest step), not scanned: a database of a thousand runs with ten
-- thousand values each answers in a fraction of a second.

DROP VIEW IF EXISTS runs;
DROP VIEW IF EXISTS details;
DROP VIEW IF EXISTS curves;
DROP VIEW IF EXISTS summary;
DROP VIEW IF EXISTS last_values;
DROP VIEW IF EXISTS ellipses;
DROP VIEW IF EXISTS claims;
DROP VIEW IF EXISTS verdicts;

-- One row per run.  epochs: recorded so far.  beta, latent: its settings of these names.  elbo, reconstruction, kl,
-- nll: the last value on the test split, NULL where there is none or it is not finite.  problem: why it failed, diverged
-- or stopped, or the first evaluation that failed (the first line of the message); NULL where all went well.
CREATE VIEW runs AS
SELECT r.id AS id, e.name AS experiment, k.label AS label, r.seed AS seed, r.status AS status,
    coalesce((SELECT max((SELECT max(m.step) FROM metric m WHERE m.run = r.id AND m.metric = n.id))
              FROM metric_name n WHERE n.name >= 'train/' AND n.name < 'train0'), 0) AS epochs,
    r.seconds AS seconds, r.digest AS digest,
    (SELECT p.value FROM setting p WHERE p.run = r.id AND p.experiment = k.experiment AND p.name = 'beta') AS beta,
    (SELECT p.value FROM setting p WHERE p.run = r.id AND p.experiment = k.experiment AND p.name = 'latent') AS latent,
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
    r.configuration AS configuration,
    (SELECT substr(p.text, 1, instr(p.text || char(10), char(10)) - 1) FROM (SELECT coalesce(r.message,
        (SELECT 'evaluation ' || v.name || ' failed: ' || v.message FROM evaluation v
         WHERE v.run = r.id AND v.status = 'failed' ORDER BY v.name LIMIT 1)) AS text) p) AS problem
FROM member k JOIN run r ON r.id = k.run JOIN experiment e ON e.id = k.experiment
WHERE r.superseded_by IS NULL;

-- One row per run, superseded ones too: everything that `vae-lab show` prints of it.  experiment, label: of the first
-- experiment that needed the run; also_in: the others, as EXPERIMENT/LABEL.  posteriors: how many examples have a
-- recorded posterior.  process, heartbeat: of a run that a process holds, that process and its last sign of life.
CREATE VIEW details AS
SELECT r.id AS id, e.name AS experiment, e.question AS question, k.label AS label,
    (SELECT group_concat(o.name || '/' || x.label, ', ') FROM member x JOIN experiment o ON o.id = x.experiment
     WHERE x.run = r.id AND x.experiment <> r.experiment) AS also_in,
    r.seed AS seed, r.status AS status, r.message AS message,
    coalesce((SELECT max((SELECT max(m.step) FROM metric m WHERE m.run = r.id AND m.metric = n.id))
              FROM metric_name n WHERE n.name >= 'train/' AND n.name < 'train0'), 0) AS epochs,
    r.epochs AS epochs_planned, r.seconds AS seconds, r.data AS data, r.data_digest AS data_digest, r.digest AS digest,
    r.identity AS identity, r.configuration AS configuration, e.script AS script, r.created AS created, r.started AS started,
    r.finished AS finished, r.superseded_by AS superseded_by,
    (SELECT group_concat(sweep, ', ') FROM sweep_run WHERE run = r.id) AS in_sweeps, r.host AS host,
    CASE WHEN r.status IN ('queued', 'running') THEN r.process END AS process,
    (SELECT 'step ' || step || ', ' || length(bytes) || ' bytes, ' || written FROM checkpoint WHERE run = r.id) AS checkpoint,
    (SELECT nullif(count(*), 0) FROM posterior WHERE run = r.id) AS posteriors, r.graph AS graph, r.data_options AS data_options,
    r.imported AS imported,
    coalesce((SELECT length(bytes) / 4 || ' numbers' FROM artifact WHERE run = r.id AND name = 'weights'),
             CASE WHEN r.status IN ('done', 'diverged') THEN 'dropped' END) AS weights,
    CASE WHEN r.status IN ('queued', 'running') THEN strftime('%Y-%m-%dT%H:%M:%SZ', r.heartbeat, 'unixepoch') END AS heartbeat
FROM run r JOIN experiment e ON e.id = r.experiment JOIN member k ON k.run = r.id AND k.experiment = e.id;

-- Every metric of every epoch; value NULL where it is not finite.
CREATE VIEW curves AS
SELECT r.id AS run, e.name AS experiment, k.label AS label, r.seed AS seed, n.name AS metric, m.step AS step, m.value AS value
FROM member k JOIN run r ON r.id = k.run JOIN experiment e ON e.id = k.experiment
    JOIN metric m ON m.run = r.id JOIN metric_name n ON n.id = m.metric
WHERE r.superseded_by IS NULL AND m.step >= 1;

-- The last value of every metric of every run; value NULL, and kind 'nan', 'inf' or '-inf', where it is not finite.
-- CROSS JOIN keeps the order of the look-ups: run, name, then one row.  SQLite's own order reads all rows of a run: for
-- a thousand runs of a thousand epochs the view summary then takes 5.7 s of processor time instead of 0.2 s.
CREATE VIEW last_values AS
SELECT r.id AS run, e.name AS experiment, k.label AS label, r.seed AS seed, n.name AS metric, m.step AS step, m.value AS value,
    m.kind AS kind, r.status AS status, r.data AS data, r.configuration AS configuration, n.scale AS scale
FROM member k JOIN run r ON r.id = k.run JOIN experiment e ON e.id = k.experiment
    CROSS JOIN metric_name n CROSS JOIN metric m
    ON m.run = r.id AND m.metric = n.id AND m.step = (SELECT max(step) FROM metric WHERE run = r.id AND metric = n.id)
WHERE r.superseded_by IS NULL;

-- Over the seeds of one configuration (same experiment, label, graph, plan and data), of runs that are done, the latest of
-- each seed: how many seeds have a finite last value, their mean and their sample standard deviation; ci_low … ci_high:
-- Student's 95 % interval, computed on the metric's scale (metric_name.scale) around `centre`, the mean on that scale.
-- Where a value has no logarithm the interval is linear, and is cut at 0; what is nearer to 0 or 1 than 1e-12 counts as
-- 1e-12 on the logit scale.  (Shares of counted trials: `vae-lab compare` also covers Clopper and Pearson's interval, for
-- which SQL has no function.)
-- Sums are over ascending seeds: the last digit does not depend on the order in which the runs were recorded.
-- missing: done runs whose last value is not finite; no other column counts them.  failed_evaluations: done runs of the
-- configuration that have a failed evaluation: their values are missing, or of an earlier evaluation.  t: quantiles
-- 0.975; above 30 degrees of freedom the series of Fisher and Cornish in 1/df, within 2e-6 of them.
CREATE VIEW summary AS
WITH t (df, q) AS (VALUES
    (1, 12.7062047361747), (2, 4.30265272974946), (3, 3.1824463052837), (4, 2.77644510519779), (5, 2.57058183563631),
    (6, 2.44691185114497), (7, 2.36462425159278), (8, 2.30600413520417), (9, 2.26215716279821), (10, 2.22813885198627),
    (11, 2.20098516009164), (12, 2.17881282966723), (13, 2.16036865646279), (14, 2.1447866879178), (15, 2.13144954555978),
    (16, 2.11990529922125), (17, 2.10981557783332), (18, 2.10092204024104), (19, 2.09302405440831), (20, 2.08596344726586),
    (21, 2.07961384472768), (22, 2.07387306790402), (23, 2.06865761041905), (24, 2.06389856162802), (25, 2.0595385527533),
    (26, 2.05552943864287), (27, 2.05183051648029), (28, 2.04840714179525), (29, 2.0452296421327), (30, 2.04227245630124)),
u AS (
    SELECT experiment, label, metric, data, configuration, seed, value, scale,
        CASE WHEN scale = 'log' AND min(value) OVER seeds > 0 THEN 'log'
             WHEN scale = 'logit' THEN 'logit'
             ELSE 'linear' END AS used
    FROM last_values WHERE status = 'done' AND (run, experiment) IN (
        SELECT max(r.id), e.name FROM member k JOIN run r ON r.id = k.run JOIN experiment e ON e.id = k.experiment
        WHERE r.status = 'done' AND r.superseded_by IS NULL GROUP BY k.experiment, k.label, r.configuration, r.seed)
    WINDOW seeds AS (PARTITION BY experiment, label, configuration, metric)),
v AS (
    SELECT u.*, CASE used WHEN 'log' THEN ln(value)
        WHEN 'logit' THEN ln(min(max(value, 1e-12), 1 - 1e-12) / (1 - min(max(value, 1e-12), 1 - 1e-12))) ELSE value END AS y FROM u),
c AS (
    SELECT v.*, avg(value) OVER seeds AS mean, avg(y) OVER seeds AS centre FROM v
    WINDOW seeds AS (PARTITION BY experiment, label, configuration, metric ORDER BY seed ROWS BETWEEN UNBOUNDED PRECEDING AND
        UNBOUNDED FOLLOWING)),
d AS (
    SELECT c.*, sum((value - mean) * (value - mean)) OVER seeds AS squares, sum((y - centre) * (y - centre)) OVER seeds AS y_squares
    FROM c
    WINDOW seeds AS (PARTITION BY experiment, label, configuration, metric ORDER BY seed ROWS BETWEEN UNBOUNDED PRECEDING AND
        UNBOUNDED FOLLOWING)),
s AS (
    SELECT experiment, label, metric, data, configuration, scale, used, count(value) AS seeds, count(*) - count(value) AS missing,
        mean, sqrt(squares / nullif(count(value) - 1, 0)) AS sd, centre, sqrt(y_squares / nullif(count(value) - 1, 0)) AS y_sd
    FROM d GROUP BY experiment, label, configuration, metric),
h AS (
    SELECT s.*, y_sd / sqrt(seeds) * coalesce(
        (SELECT q FROM t WHERE df = seeds - 1),
        1.9599639845400536 + (2.3722712302985607 + (2.8224986157396081 + 2.5558496795077188
            / (seeds - 1)) / (seeds - 1)) / (seeds - 1)) AS half
    FROM s),
f (configuration, n) AS MATERIALIZED (
    SELECT r.configuration, count(DISTINCT r.id) FROM evaluation v JOIN run r ON r.id = v.run
    WHERE v.status = 'failed' AND r.status = 'done' AND r.superseded_by IS NULL GROUP BY r.configuration)
SELECT experiment, label, metric, seeds, mean, sd,
    CASE used WHEN 'log' THEN exp(centre - half) WHEN 'logit' THEN 1 / (1 + exp(half - centre))
              ELSE CASE WHEN scale IS NULL THEN centre - half ELSE max(0, centre - half) END END AS ci_low,
    CASE used WHEN 'log' THEN exp(centre + half) WHEN 'logit' THEN 1 / (1 + exp(-centre - half))
              ELSE centre + half END AS ci_high,
    missing, data, configuration,
    coalesce((SELECT n FROM f WHERE f.configuration = h.configuration), 0) AS failed_evaluations,
    CASE used WHEN 'log' THEN exp(centre) WHEN 'logit' THEN 1 / (1 + exp(-centre)) ELSE centre END AS centre,
    coalesce(scale, 'linear') AS scale
FROM h;

-- Recorded posteriors of two dimensions as ellipses at one standard deviation: major and minor are the semi-axes; angle
-- (degrees from the first axis) is the direction of the major one, 0 or 90, since q(z|x) has no correlation.
CREATE VIEW ellipses AS
SELECT p.run AS run, p.example AS example, p.label AS label, p.mu1 AS mu1, p.mu2 AS mu2,
    max(p.sigma1, p.sigma2) AS major, min(p.sigma1, p.sigma2) AS minor,
    CASE WHEN p.sigma2 > p.sigma1 THEN 90.0 ELSE 0.0 END AS angle
FROM posterior p JOIN run r ON r.id = p.run
WHERE r.superseded_by IS NULL AND length(p.mu) = 8 AND p.mu1 IS NOT NULL AND p.mu2 IS NOT NULL
    AND p.sigma1 IS NOT NULL AND p.sigma2 IS NOT NULL;

-- Every verdict on a claim, of every sweep.
CREATE VIEW verdicts AS
SELECT e.name AS experiment, c.position AS position, c.claim AS claim, c.quantity AS quantity, c.value AS value, c.ci_low AS ci_low,
    c.ci_high AS ci_high, c.low AS low, c.high AS high, c.seeds AS seeds, c.verdict AS verdict, c.source AS source, c.note AS note,
    c.sweep AS sweep, c.scale AS scale, c.level AS level, c.p AS p, c.seeds_needed AS seeds_needed,
    c.population_low AS population_low, c.population_high AS population_high, c.reason AS reason, c.post_hoc AS post_hoc
FROM claim c JOIN sweep s ON s.id = c.sweep JOIN experiment e ON e.id = s.experiment;

-- The verdicts of each experiment's latest judged sweep on each data set, in each profile.
CREATE VIEW claims AS
SELECT * FROM verdicts WHERE sweep IN (
    SELECT max(s.id) OVER (PARTITION BY s.experiment, (
        SELECT p.value FROM sweep_run x JOIN param p ON p.run = x.run AND p.name = 'data'
        WHERE x.sweep = s.id ORDER BY x.position DESC LIMIT 1), (
        SELECT p.value FROM sweep_run x JOIN setting p ON p.run = x.run AND p.experiment = s.experiment AND p.name = 'profile'
        WHERE x.sweep = s.id ORDER BY x.position DESC LIMIT 1))
    FROM sweep s WHERE EXISTS (SELECT 1 FROM claim c WHERE c.sweep = s.id));
