-- SPDX-License-Identifier: GPL-3.0-or-later
-- query.sql: the query that the notes print with its result, without these comment lines (paper/check).
SELECT r.label, count(*) AS seeds, round(avg(r.kl), 2) AS kl,
    round(avg(r.reconstruction), 2) AS reconstruction
FROM runs r JOIN sweep_run x ON x.run = r.id
WHERE x.sweep = @sweep@ AND r.experiment = 'kl_ablation'
GROUP BY r.label ORDER BY r.beta
