#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Databases that older versions of this program have written are read, migrated and continued.
#
# tests/golden/schema_N.dump is the dump of what the last program of schema version N made of tests/golden/old.lua with
# --set seed=1,2.  Its model, data and training are those of old.lua; from version 2 on its script had two claims, in
# version 6 five, in versions 2 and 3 also lab.eval.accounting, which is lab.eval.elbo_decomposition today.  When the schema
# gets another version, add the dump of the one before.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/golden/old.lua" .
sed '/^  evaluate/d' old.lua >trained.lua # the evaluations of old versions drew other random numbers: they are asked for below
seeds='--set seed=1,2'
rows="select group_concat(row, ' ') from (select label || ',' || seed || ',' || status || ',' || epochs || ',' || substr(digest, 1, 8) || ',' ||
    round(elbo, 6) || ',' || round(nll, 6) || ',' || beta as row from runs where experiment = 'old' order by id)"
digests='beta=0.5,1,done,2,a0b13dd4 beta=0.5,2,done,2,2b00ed20 beta=1,1,done,2,5f87b1a0 beta=1,2,done,2,d7f858cb'
known=
for v in 1 2 3 4 5 6; do
    rm -f results.db*
    sqlite3 results.db <"$root/tests/golden/schema_$v.dump"
    cp results.db before.db
    "$VAE_LAB" runs --json >runs.json 2>&1
    values=$("$VAE_LAB" sql --csv "$rows" | tail -1 | tr -d '"')
    known=${known:-$values}
    [ "$(echo "$values" | sed 's/,-[0-9.]*,[0-9.]*,[0-9.]*//g')" = "$digests" ] && [ "$values" = "$known" ] && ok "version $v: its runs are read" ||
        no "version $v: runs" "$values"
    check "version $v: show" 0 '^identity +d15000a39e43' 'elbo +examples=0 samples=10 seed=1' 'nll +examples=20 samples=5 seed=1' -- "$VAE_LAB" show 1
    check "version $v: compare" 0 'A  old +beta=0.5 .* 2  -4.5' 'beta +0.5 +1' -- "$VAE_LAB" compare
    case $v in
    1) ;;
    6) check "version 6: claims, judged anew by their intervals" 1 '^holds      old: a KL divergence is not negative' '^refuted    old: the ELBO is above' \
        '^undecided  old: the KL is above its mean' '^open       old: what nobody' '2 hold, 1 refuted, 1 undecided, 1 open' -- "$VAE_LAB" claims ;;
    *) check "version $v: claims" 0 '^holds      old: a KL divergence is not negative' '2 hold' -- "$VAE_LAB" claims ;;
    esac
    cmp -s results.db before.db && ok "version $v: reading leaves the file as it is" || no "version $v: reading" "changed the file"
    check "version $v: the same script has nothing to do" 0 '0 runs executed, 4 done before' -- "$VAE_LAB" run trained.lua $seeds
    [ "$(sql 'PRAGMA user_version')" -ge 7 ] && [ "$(sql 'PRAGMA integrity_check')" = ok ] && [ -z "$(sql 'PRAGMA foreign_key_check')" ] &&
        [ "$("$VAE_LAB" sql --csv "$rows" | tail -1 | tr -d '"')" = "$known" ] && ok "version $v: the migrated file holds the same" ||
        no "version $v: migrated" "$(sql 'PRAGMA user_version')"
    [ "$(sql "select count(*) from evaluation where status = 'done'")" = $([ $v = 1 ] && echo 8 || echo 12) ] &&
        [ "$(sql "select count(*) from artifact where kind = 'evaluation'")" = 0 ] && ok "version $v: evaluations are rows" ||
        no "version $v: evaluations" "$(sql 'select * from evaluation')"
done
check "the same digest today" 0 '1 run executed' -- "$VAE_LAB" run old.lua --set beta=1 --set seed=1 --fresh
[ "$(sql "select count(distinct digest) from run where label = 'beta=1' and seed = 1")" = 1 ] && ok "weights of the oldest version, to the bit" ||
    no "digest" "$(sql 'select digest from run')"
sed 's/samples = 5,/samples = 6,/' old.lua >more.lua
check "weights of an older version are evaluated again" 0 '0 runs executed, 4 done before' -- "$VAE_LAB" run more.lua $seeds
"$VAE_LAB" sql --csv "$rows" | tail -1 | tr -d '"' >now
[ "$(sql "select count(*) from evaluation_option where name = 'version' and value = 2")" -ge 8 ] && ! grep -qF "$known" now &&
    ok "evaluations whose definition has changed are computed anew from an older version's weights" || no "evaluations of an older version" "$(cat now)"
