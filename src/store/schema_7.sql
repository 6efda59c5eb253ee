-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_7.sql: results.db, from version 6 to 7: three verdicts on a claim, and the scale of a metric's interval.

-- scale: on which the mean and the interval over seeds are computed: 'log' for positive quantities, 'logit' for
-- quantities between 0 and 1; NULL: linear.  Evaluations state it where they record the metric; here it is stated for
-- the metrics that earlier versions recorded.
ALTER TABLE metric_name ADD COLUMN scale TEXT CHECK (scale IN ('log', 'logit'));
UPDATE metric_name SET scale = 'logit' WHERE name IN (
    'latent/overlap', 'latent/overlap_same', 'latent/overlap_different', 'latent/hole_fraction', 'latent/hole_density',
    'latent/knn_agreement', 'property/holes', 'property/neighbours', 'property/overlap', 'reconstruction/clear', 'sample/clear',
    'sample/coverage', 'sample/told_apart', 'sample/validity', 'test/accuracy', 'test/sure');
UPDATE metric_name SET scale = 'log' WHERE name IN (
    'train/kl', 'test/kl', 'final/train/kl', 'final/test/kl', 'compression/mse', 'compression/pca', 'latent/sigma', 'latent/spread',
    'property/apart', 'property/grain', 'property/within', 'test/ess', 'marginal/train_ess', 'marginal/test_ess');

DROP VIEW IF EXISTS claims;
DROP VIEW IF EXISTS verdicts;

-- value and its interval are computed on `scale`, at `level`.  verdict: 'holds' where the interval lies in the band low … high,
-- 'refuted' where it lies outside, else 'undecided'; 'open': it could not be evaluated, note says why.
CREATE TABLE claim_7 (
    sweep           INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
    position        INTEGER NOT NULL,
    claim           TEXT NOT NULL,
    quantity        TEXT NOT NULL,              -- "test/kl, beta=0 divided by beta=1"
    source          TEXT,                       -- where the number comes from
    low             REAL,                       -- the band; NULL: open on that side
    high            REAL,
    seeds           INTEGER NOT NULL,
    value           REAL,
    ci_low          REAL,                       -- NULL with one seed
    ci_high         REAL,
    verdict         TEXT NOT NULL CHECK (verdict IN ('holds', 'refuted', 'undecided', 'open')),
    note            TEXT,
    metric          TEXT,                       -- where the value is one metric of one configuration
    configuration   TEXT,
    scale           TEXT,                       -- linear, log, logit
    level           REAL,                       -- of the interval: 0.95, higher where seeds were added one after another
    p               REAL,                       -- two-sided p-value of the verdict; NULL: no statistical error
    seeds_needed    INTEGER,                    -- of an undecided claim: about how many decide with probability 0.8
    population_low  REAL,                       -- the interval with the error of the test set: of all such images
    population_high REAL,
    reason          TEXT,                       -- why the mean alone is judged; NULL: the interval is
    post_hoc        TEXT,                       -- what was set in the claim after its result had been seen
    PRIMARY KEY (sweep, position)
) STRICT, WITHOUT ROWID;
-- Earlier verdicts are judged anew by the recorded interval.
INSERT INTO claim_7 (sweep, position, claim, quantity, source, low, high, seeds, value, ci_low, ci_high, verdict, note, metric,
    configuration, scale, level)
SELECT sweep, position, claim, quantity, source, low, high, seeds, value, ci_low, ci_high,
    CASE WHEN verdict = 'OPEN' THEN 'open'
         WHEN ci_low IS NULL OR ci_high IS NULL THEN 'undecided'
         WHEN ci_low >= coalesce(low, ci_low) AND ci_high <= coalesce(high, ci_high) THEN 'holds'
         WHEN ci_high < low OR ci_low > high THEN 'refuted'
         ELSE 'undecided' END,
    note, metric, configuration, 'linear', 0.95
FROM claim;
DROP TABLE claim;
ALTER TABLE claim_7 RENAME TO claim;
