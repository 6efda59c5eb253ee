#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vae-lab export --record: the whole record as a plain database and as CSV files, compared with results.db.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
"$VAE_LAB" run tiny.lua --set epochs=2 --quiet >/dev/null 2>&1
sql "update run set seed = '18446744073709551614' where id = 4; insert into metric values (1, (select id from metric_name where name = 'train/kl'), 9, null, '-inf'); insert into claim (sweep, position, claim, quantity, seeds, verdict, value, low) values (1, 1, 'a, \"quoted\"
claim', 'q', 2, 'holds', 1.5, 0.1)"

# ---- a database
check "export --record: a database" 0 '^out.db$' -- "$VAE_LAB" export --record -o out.db
[ "$(sqlite3 out.db 'pragma integrity_check; pragma foreign_key_check')" = ok ] && ok "it is whole" || no "out.db" "damaged"
newer=$(sqlite3 out.db "select name from sqlite_schema where sql glob '* STRICT*' or sql glob '*WITHOUT ROWID*' or sql glob '* ANY*' or sql glob '* OVER *' or sql glob '*->>*' or sql glob '*iif(*' or sql glob '*RETURNING*' or sql glob '*GENERATED*'")
[ -z "$newer" ] && ok "no definition in it needs a newer SQLite" || no "out.db" "newer SQL in $newer"
[ "$(sqlite3 out.db 'pragma application_id; pragma journal_mode' | tr '\n' ' ')" = "0 delete " ] && ok "it is no results.db, and one file" || no "out.db" "header"
bad=
for t in $(sql "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite%'"); do
    # by quoted values: types and every digit count
    columns=$(sql "select group_concat('quote(' || name || ')', ' || '',''  || ') from pragma_table_info('$t')")
    [ "$(sql "select $columns from $t order by 1" | sha256sum)" = "$(sqlite3 out.db "select $columns from $t order by 1" | sha256sum)" ] || bad="$bad $t"
done
[ -z "$bad" ] && ok "every table and view has the same rows, value by value" || no "out.db" "other rows in$bad"
[ "$(sqlite3 out.db "select typeof(seed), seed from run order by id desc limit 1")" = "text|18446744073709551614" ] && ok "a seed above 2^63 keeps its digits" || no "out.db" "$(sqlite3 out.db 'select typeof(seed), seed from run')"
check "export --record: an existing file is left" 5 'exists already' -- "$VAE_LAB" export --record -o out.db
check "export --record: --force replaces it" 0 -- "$VAE_LAB" export --record -o out.db --force
check "export --record: not over a folder" 5 -- sh -c 'mkdir -p d.db/sub && rmdir d.db/sub && : >d.db/runs.csv && exec "$0" export --record -o d.db' "$VAE_LAB"
check "vae-lab does not take it for a record" 4 'another application' -- "$VAE_LAB" runs --db out.db
check "export --record: another ending" 2 'ends in .db' -- "$VAE_LAB" export --record -o out.xls
check "export --record: with a run" 2 'takes no run' -- "$VAE_LAB" export --record 1 -o o.db
(trap '' XFSZ; ulimit -f 200; "$VAE_LAB" export --record -o full.db) >out 2>&1
code=$?
[ $code -eq 4 ] && [ -z "$(ls full.db* 2>/dev/null)" ] && ok "export --record: a full disk leaves no file" || no "a full disk" "$code $(cat out; ls full.db*)"

# ---- CSV files
check "export --record: a folder" 0 '^csv/claims.csv$' -- "$VAE_LAB" export --record -o csv/
[ "$(cd csv && echo *)" = "claims.csv curves.csv last_values.csv runs.csv settings.csv summary.csv" ] && ok "six files" || no "csv" "$(ls csv)"
sqlite3 >out 2>&1 <<'EOF'
.mode csv
.import csv/curves.csv curves
.import csv/runs.csv runs
.import csv/claims.csv claims
attach 'results.db' as r;
select count(*), sum(c.value = r.value or (c.value = '-inf' and r.value is null)) from curves c join r.curves r on c.run = r.run and c.metric = r.metric and c.step = r.step;
select count(*) from r.curves;
select count(*), sum(abs(c.elbo - r.elbo) = 0) from runs c join r.runs r on c.id = r.id and c.digest = r.digest;
select claim = (select claim from r.claim) from claims;
EOF
n=$(sql 'select count(*) from curves')
[ "$(tr -d '\r' <out | tr '\n' ' ')" = "$n,$n $n 4,4 1 " ] && ok "the files hold the record, every digit" || no "csv" "$(cat out)"
check "export --record: existing files are left" 5 'exists already' 'csv/runs.csv' -- "$VAE_LAB" export --record -o csv
