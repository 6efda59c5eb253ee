-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_2.sql: results.db, from version 1 to 2: what an experiment claims, and whether its runs confirm it.

-- One row per claim of a sweep's script.  value: what was measured, over the seeds, with its 95 % interval (NULL with
-- one seed); low and high: the expected band (NULL: open on that side).  OPEN: it could not be judged; note gives the
-- reason.
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
