-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- latest.sql: the runs of the notes: those of the latest finished sweep of each listed experiment, in temporary tables over
-- results.db, which is only read.  The table `listed` (paper/sql) has these experiments in order.  A sweep is finished when all its
-- runs of that experiment are done.

CREATE TEMP TABLE chosen (experiment TEXT, sweep INTEGER);
INSERT INTO chosen
SELECT e.name, max(s.id) FROM sweep s JOIN experiment e ON e.id = s.experiment
WHERE e.name IN (SELECT experiment FROM listed)
    AND EXISTS (SELECT 1 FROM sweep_run x JOIN member k ON k.run = x.run WHERE x.sweep = s.id AND k.experiment = e.id)
    AND NOT EXISTS (SELECT 1 FROM sweep_run x JOIN run r ON r.id = x.run JOIN member k ON k.run = r.id
        WHERE x.sweep = s.id AND k.experiment = e.id AND (r.status <> 'done' OR r.superseded_by IS NOT NULL))
GROUP BY e.name;

-- One row per run; dataset and binarised in words.
CREATE TEMP TABLE latest AS
SELECT r.*, c.sweep,
    CASE substr(r.data || ',', 1, instr(r.data || ',', ',') - 1) WHEN 'digits' THEN 'the built-in digits' WHEN 'mnist' THEN 'MNIST'
        WHEN 'fashion-mnist' THEN 'Fashion-MNIST' WHEN 'kmnist' THEN 'KMNIST' WHEN 'freyfaces' THEN 'the Frey faces' WHEN 'toy:pinwheel' THEN 'a planar pinwheel'
        ELSE substr(r.data || ',', 1, instr(r.data || ',', ',') - 1) END AS dataset,
    CASE iif(r.data LIKE 'toy:%', NULL, (SELECT value FROM param p WHERE p.run = r.id AND p.name = 'binarise')) WHEN 'dynamic' THEN 'dynamically'
        WHEN 'static' THEN 'statically' WHEN 'grey' THEN 'not (grey)' ELSE 'no pixels' END AS binarised
FROM chosen c JOIN sweep_run x ON x.sweep = c.sweep JOIN runs r ON r.id = x.run AND r.experiment = c.experiment;

-- The last value of every metric of these runs; NULL where it is not finite.
CREATE TEMP TABLE last AS
SELECT v.run, v.experiment, v.label, v.seed, v.metric, v.value FROM last_values v
WHERE v.run IN (SELECT id FROM latest) AND v.metric NOT LIKE 'time/%' AND v.metric <> 'gradient/norm';

-- Means over the seeds and their 95 % intervals, on each metric's scale, from the view summary; only metrics for which every run has a finite value.
CREATE TEMP TABLE mean AS
SELECT s.experiment, s.label, s.metric, s.seeds, s.centre AS mean, s.ci_low AS low, s.ci_high AS high FROM summary s
JOIN (SELECT experiment, label, configuration, count(*) AS runs FROM latest GROUP BY 1, 2, 3) l
    ON l.configuration = s.configuration AND l.experiment = s.experiment AND l.label = s.label
WHERE s.missing = 0 AND l.runs = (SELECT count(v.value) FROM last v
        WHERE v.experiment = s.experiment AND v.label = s.label AND v.metric = s.metric)
    AND s.metric NOT LIKE 'time/%' AND s.metric <> 'gradient/norm';

-- Two configurations a and b of one experiment, seed by seed: x is a's value, y is b's.
CREATE TEMP VIEW pair AS
SELECT p.experiment, p.metric, p.seed, p.label AS a, p.value AS x, q.label AS b, q.value AS y
FROM last p JOIN last q ON q.experiment = p.experiment AND q.metric = p.metric AND q.seed = p.seed;

-- The claims of these sweeps, and whether they hold.
CREATE TEMP TABLE held AS
SELECT k.experiment, c.claim, min(c.verdict = 'holds') AS holds FROM chosen k JOIN claim c ON c.sweep = k.sweep GROUP BY 1, 2;

-- What was measured for each claim that no other claim of its experiment has the words of, with its interval.
CREATE TEMP TABLE measured AS
SELECT k.experiment, c.claim, c.value, c.ci_low AS low, c.ci_high AS high FROM chosen k JOIN claim c ON c.sweep = k.sweep
GROUP BY 1, 2 HAVING count(*) = 1 AND c.value IS NOT NULL;
