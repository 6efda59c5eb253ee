-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_2.sql: results.db, from version 1 to 2: what an experiment claims, and whether its runs bear it out.

-- One row a claim of a sweep's script.  value: what was measured, over the seeds, with its 95 % interval (NULL with one seed);
-- low and high: what was claimed (NULL: open on that side).  OPEN: it could not be judged, note says why.
CREATE TABLE claim (
    sweep    INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    claim    TEXT NOT NULL,
    quantity TEXT NOT NULL,              -- "test/kl, beta=0 over beta=1"
    source   TEXT,                       -- where the number comes from
    low      REAL,
    high     REAL,
    seeds    INTEGER NOT NULL,
    value    REAL,
    ci_low   REAL,
    ci_high  REAL,
    verdict  TEXT NOT NULL CHECK (verdict IN ('PASS', 'FAIL', 'OPEN')),
    note     TEXT,
    PRIMARY KEY (sweep, position)
) STRICT, WITHOUT ROWID;

-- The claims of each experiment's latest judged sweep on each data set.
CREATE VIEW claims AS
WITH judged AS (
    SELECT s.id AS sweep, s.experiment AS experiment,
        max(s.id) OVER (PARTITION BY s.experiment, (
            SELECT p.value FROM sweep_run x JOIN param p ON p.run = x.run AND p.name = 'data'
            WHERE x.sweep = s.id ORDER BY x.position DESC LIMIT 1)) AS latest
    FROM sweep s WHERE EXISTS (SELECT 1 FROM claim c WHERE c.sweep = s.id))
SELECT e.name AS experiment, c.position AS position, c.claim AS claim, c.quantity AS quantity, c.value AS value, c.ci_low AS ci_low,
    c.ci_high AS ci_high, c.low AS low, c.high AS high, c.seeds AS seeds, c.verdict AS verdict, c.source AS source, c.note AS note,
    c.sweep AS sweep
FROM judged j JOIN claim c ON c.sweep = j.sweep JOIN experiment e ON e.id = j.experiment
WHERE j.sweep = j.latest;
