-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- facts.sql: the statements of the notes as queries (temporary tables: latest.sql).  Each SELECT gives a name and a value.  A claim's
-- value is 1 or 0, and \claim{name}{words if 1}{words if 0} chooses the words; \fact{name} prints any other value.  A value of NULL, or
-- no value, stops LaTeX with the name.
-- A claim that compares two configurations holds when it holds in every seed.

-- ---- the runs ----
SELECT 'runs', count(*) FROM latest;
SELECT 'experiments', count(*) FROM listed;
SELECT 'version', (SELECT value FROM environment WHERE name = 'vae-lab' AND run IN (SELECT id FROM latest) ORDER BY run DESC LIMIT 1);
SELECT 'datasets', replace(group_concat(dataset), ',', ' and on ') FROM (SELECT DISTINCT dataset FROM latest ORDER BY id);
SELECT 'some grey', count(*) > 0 FROM latest WHERE binarised LIKE 'not%';
SELECT 'all grey', count(*) = (SELECT count(*) FROM latest) FROM latest WHERE binarised LIKE 'not%';
SELECT 'binarised', min(binarised) FROM latest WHERE binarised NOT LIKE 'not%' HAVING count(*) > 0;
SELECT 'quick', count(*) > 0 FROM latest l JOIN param p ON p.run = l.id AND p.name = 'profile' AND p.value = 'quick';
SELECT 'seeds', max(seeds) FROM mean WHERE experiment = 'kl_ablation';
SELECT 'several seeds', min(seeds) > 1 FROM mean WHERE experiment = 'kl_ablation';
SELECT 'first seed', min(seed) FROM latest WHERE experiment = 'kl_ablation';

-- ---- with and without the KL term ----
CREATE TEMP VIEW off_on AS SELECT * FROM pair WHERE experiment = 'kl_ablation' AND a = 'beta=0' AND b = 'beta=1';
SELECT 'overlap ten times less', sum(x < y / 10) = count(*) FROM off_on WHERE metric = 'latent/overlap';
SELECT 'wider spread', sum(x > y) = count(*) FROM off_on WHERE metric = 'latent/spread';
SELECT 'smaller sigma', sum(x < y) = count(*) FROM off_on WHERE metric = 'latent/sigma';
SELECT 'better reconstruction', sum(x > y) = count(*) FROM off_on WHERE metric = 'test/reconstruction';
SELECT 'larger kl', sum(x > y) = count(*) FROM off_on WHERE metric = 'test/kl';
SELECT 'kl ratio', printf('%.0f', avg(x) / avg(y)) FROM off_on WHERE metric = 'test/kl';
SELECT 'worse elbo', sum(x < y) = count(*) FROM off_on WHERE metric = 'test/elbo';
SELECT 'neighbours as good', avg(x) >= 0.95 * avg(y) FROM pair
WHERE experiment = 'latent_space' AND metric = 'property/neighbours' AND a = 'beta=0, noise=false' AND b = 'beta=1, noise=true';
SELECT 'nll rests on few', avg(value) < 20 FROM last WHERE experiment = 'kl_ablation' AND label = 'beta=0' AND metric = 'test/ess';

-- ---- dimensions: one row per number of latent dimensions, means over seeds ----
CREATE TEMP TABLE dims AS
SELECT l.latent AS d, e.mean AS elbo, k.mean AS kl, a.mean AS active, e.label AS label
FROM (SELECT DISTINCT label, latent FROM latest WHERE experiment = 'latent_dim') l
JOIN mean e ON e.experiment = 'latent_dim' AND e.label = l.label AND e.metric = 'test/elbo'
JOIN mean k ON k.experiment = 'latent_dim' AND k.label = l.label AND k.metric = 'test/kl'
JOIN mean a ON a.experiment = 'latent_dim' AND a.label = l.label AND a.metric = 'latent/active_units';
CREATE TEMP VIEW dim AS
SELECT (SELECT d FROM dims ORDER BY d LIMIT 1) AS least, (SELECT d FROM dims ORDER BY elbo DESC LIMIT 1) AS best,
    (SELECT d FROM dims ORDER BY d DESC LIMIT 1) AS most;
SELECT 'least dim', least FROM dim;
SELECT 'best dim', best FROM dim;
SELECT 'most dim', most FROM dim;
SELECT 'least dim elbo', printf('%.1f', elbo) FROM dims, dim WHERE d = least;
SELECT 'best dim elbo', printf('%.1f', elbo) FROM dims, dim WHERE d = best;
SELECT 'most dim elbo', printf('%.1f', elbo) FROM dims, dim WHERE d = most;
SELECT 'best dim kl', printf('%.1f', kl) FROM dims, dim WHERE d = best;
SELECT 'most dim kl', printf('%.1f', kl) FROM dims, dim WHERE d = most;
SELECT 'most dim active', CASE WHEN active = round(active) THEN printf('%.0f', active) ELSE printf('%.1f', active) END
FROM dims, dim WHERE d = most;
SELECT 'plane is worst', (SELECT d FROM dims ORDER BY elbo LIMIT 1) = 2;
SELECT 'most is best', most = best FROM dim;
SELECT 'rate saturates', (SELECT kl FROM dims, dim WHERE d = most) < 1.25 * (SELECT kl FROM dims, dim WHERE d = best);
SELECT 'dims flat', (SELECT elbo FROM dims, dim WHERE d = best) - (SELECT elbo FROM dims, dim WHERE d = most) < 1;
SELECT 'some dims off', active <= most - 0.5 FROM dims, dim WHERE d = most;

-- the parts of the KL term (metrics accounting/…)
CREATE TEMP VIEW part AS
SELECT d, substr(metric, 17) AS name, m.mean AS nats FROM dims JOIN mean m ON m.experiment = 'latent_dim' AND m.label = dims.label
WHERE m.metric LIKE 'accounting/test/%';
SELECT 'least dim information', printf('%.1f', nats) FROM part, dim WHERE d = least AND name = 'mutual_information';
SELECT 'least dim parts', printf('%.1f', nats) FROM part, dim WHERE d = least AND name = 'kl';
SELECT 'most dim information', printf('%.1f', nats) FROM part, dim WHERE d = most AND name = 'mutual_information';
SELECT 'most dim correlation', printf('%.1f', nats) FROM part, dim WHERE d = most AND name = 'total_correlation';
SELECT 'most dim parts', printf('%.1f', nats) FROM part, dim WHERE d = most AND name = 'kl';
SELECT 'information saturates', i.nats > 0.97 * n.nats FROM part i, part n, dim
WHERE i.d = most AND n.d = most AND i.name = 'mutual_information' AND n.name = 'log_examples';

-- ---- the weight of the KL term: one row per beta ----
CREATE TEMP TABLE weights AS
SELECT l.beta AS b, e.mean AS elbo, k.mean AS rate, -r.mean AS distortion, a.mean AS active
FROM (SELECT DISTINCT label, beta FROM latest WHERE experiment = 'beta') l
JOIN mean e ON e.experiment = 'beta' AND e.label = l.label AND e.metric = 'test/elbo'
JOIN mean k ON k.experiment = 'beta' AND k.label = l.label AND k.metric = 'test/kl'
JOIN mean r ON r.experiment = 'beta' AND r.label = l.label AND r.metric = 'test/reconstruction'
JOIN mean a ON a.experiment = 'beta' AND a.label = l.label AND a.metric = 'latent/active_units';
CREATE TEMP VIEW ends AS SELECT min(b) AS smallest, max(b) AS largest FROM weights;
CREATE TEMP VIEW step AS
SELECT b, rate, lag(rate) OVER (ORDER BY b) AS rate_before, distortion, lag(distortion) OVER (ORDER BY b) AS distortion_before
FROM weights;
SELECT 'least beta', printf('%g', smallest) FROM ends;
SELECT 'most beta', printf('%g', largest) FROM ends;
SELECT 'best beta', printf('%g', b) FROM (SELECT b FROM weights ORDER BY elbo DESC LIMIT 1);
SELECT 'best beta is one', b = 1 FROM (SELECT b FROM weights ORDER BY elbo DESC LIMIT 1);
SELECT 'best beta elbo', printf('%.1f', max(elbo)) FROM weights HAVING count(*) > 0;
SELECT 'one beta elbo', printf('%.1f', elbo) FROM weights WHERE b = 1;
SELECT 'rate falls', sum(rate < rate_before) = count(*) FROM step WHERE rate_before IS NOT NULL;
SELECT 'distortion grows', sum(distortion > distortion_before) = count(*) FROM step WHERE rate_before IS NOT NULL;
SELECT 'least beta rate', printf('%.1f', rate) FROM weights, ends WHERE b = smallest;
SELECT 'most beta rate', printf('%.2f', rate) FROM weights, ends WHERE b = largest;
SELECT 'least beta distortion', printf('%.1f', distortion) FROM weights, ends WHERE b = smallest;
SELECT 'most beta distortion', printf('%.1f', distortion) FROM weights, ends WHERE b = largest;
SELECT 'most beta active', CASE WHEN active = round(active) THEN printf('%.0f', active) ELSE printf('%.1f', active) END
FROM weights, ends WHERE b = largest;
SELECT 'least beta auc', printf('%.2f', mean) FROM mean, ends
WHERE experiment = 'beta' AND metric = 'sample/auc' AND label = 'beta=' || printf('%g', smallest);
SELECT 'most beta auc', printf('%.2f', mean) FROM mean, ends
WHERE experiment = 'beta' AND metric = 'sample/auc' AND label = 'beta=' || printf('%g', largest);
SELECT 'auc falls', sum(y < x) = count(*) FROM pair, ends WHERE experiment = 'beta' AND metric = 'sample/auc'
    AND a = 'beta=' || printf('%g', (SELECT b FROM weights ORDER BY elbo DESC LIMIT 1)) AND b = 'beta=' || printf('%g', largest);
SELECT 'beta dims', latent FROM latest WHERE experiment = 'beta' LIMIT 1;

-- ---- the generator ----
SELECT 'generators apart', printf('%.1f', max(mean) - min(mean)) FROM mean WHERE experiment = 'generators' AND metric = 'test/elbo';
SELECT 'philox seeds apart', printf('%.1f', max(value) - min(value)) FROM last
WHERE experiment = 'generators' AND metric = 'test/elbo' AND label = 'rng=philox4x32';
SELECT 'generators within seeds', (SELECT max(mean) - min(mean) FROM mean WHERE experiment = 'generators' AND metric = 'test/elbo')
    < (SELECT max(value) - min(value) FROM last WHERE experiment = 'generators' AND metric = 'test/elbo' AND label = 'rng=philox4x32');

-- ---- the run whose digest is printed: the first with the KL term ----
CREATE TEMP VIEW first_run AS
SELECT l.*, (SELECT settings FROM sweep WHERE id = l.sweep) AS settings FROM latest l
WHERE experiment = 'kl_ablation' AND label = 'beta=1' ORDER BY id LIMIT 1;
SELECT 'first run', id FROM first_run;
SELECT 'first run seed', seed FROM first_run;
SELECT 'first run digest', digest FROM first_run;
