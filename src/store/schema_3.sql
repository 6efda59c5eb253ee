-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_3.sql: results.db, from version 2 to 3: a run belongs to every experiment that needs it, under that
-- experiment's label and settings; a claim names the metric and the configuration of its value.

-- One row per run of an experiment.  A run is trained once (one identity), however many experiments need it:
-- run.experiment, run.label and the table param are those of the first; member.label and the table setting are those of
-- each experiment, as of its latest sweep.
CREATE TABLE member (
    experiment INTEGER NOT NULL REFERENCES experiment (id),
    run        INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    label      TEXT NOT NULL,
    PRIMARY KEY (experiment, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_run ON member (run);

-- The settings of a run under the names that an experiment gives them; a number or a text.
CREATE TABLE setting (
    run        INTEGER NOT NULL,
    experiment INTEGER NOT NULL,
    name       TEXT NOT NULL,
    value      ANY,
    PRIMARY KEY (run, experiment, name),
    FOREIGN KEY (experiment, run) REFERENCES member (experiment, run) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO member (experiment, run, label) SELECT experiment, id, label FROM run;
INSERT INTO setting (run, experiment, name, value) SELECT p.run, r.experiment, p.name, p.value FROM param p JOIN run r ON r.id = p.run;

-- metric, configuration: where a claim's value is one metric of one configuration; NULL where it compares or computes.
-- For earlier claims they are derived from quantity, "test/elbo, beta=1, latent=2".
ALTER TABLE claim ADD COLUMN metric TEXT;
ALTER TABLE claim ADD COLUMN configuration TEXT;

UPDATE claim SET metric = substr(quantity, 1, instr(quantity || ', ', ', ') - 1)
WHERE substr(quantity, 1, instr(quantity || ', ', ', ') - 1) IN (SELECT name FROM metric_name)
    AND quantity NOT LIKE '% minus %' AND quantity NOT LIKE '% over %'
    AND json_valid('["' || replace(quantity, ', ', '","') || '"]');
UPDATE claim SET configuration = (
    SELECT CASE WHEN count(DISTINCT r.configuration) = 1 THEN min(r.configuration) END
    FROM sweep w JOIN sweep_run x ON x.sweep = w.id JOIN run r ON r.id = x.run AND r.experiment = w.experiment
    WHERE w.id = claim.sweep AND NOT EXISTS (
        SELECT 1 FROM json_each('["' || replace(quantity, ', ', '","') || '"]') s
        WHERE s.key > 0 AND NOT EXISTS (SELECT 1 FROM param p WHERE p.run = r.id AND p.name || '=' || p.value = s.value)))
WHERE metric IS NOT NULL;
