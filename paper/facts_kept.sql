-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- facts_kept.sql: as facts.sql, of the experiments in the file kept.

-- ---- mutations: each bug has one claim, that the check which it names fires in at least half of the seeds, or finds it far from correct runs
CREATE TEMP VIEW bug AS
SELECT DISTINCT p.value AS name FROM latest l JOIN param p ON p.run = l.id AND p.name = 'mutation'
WHERE l.experiment = 'mutations' AND p.value NOT IN ('none', 'calibration');
SELECT 'bugs', count(*) FROM bug;
SELECT 'bug claims', count(*) FROM chosen k JOIN claim c ON c.sweep = k.sweep WHERE k.experiment = 'mutations' AND c.claim LIKE '%, %: %'
    AND c.claim NOT LIKE '%wrong by little%';
SELECT 'bugs detected', sum(c.verdict = 'holds') FROM chosen k JOIN claim c ON c.sweep = k.sweep
WHERE k.experiment = 'mutations' AND c.claim LIKE '%, %: %' AND c.claim NOT LIKE '%wrong by little%';

-- ---- variance
SELECT 'variance runs', count(*) FROM latest WHERE experiment = 'variance';
SELECT 'variance pairs', count(DISTINCT seed) FROM latest WHERE experiment = 'variance';
