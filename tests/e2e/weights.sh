#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Weights out and in: exported files are read by an independent reader (arrays.py), which also writes what import reads.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
python=
for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && { python=$p; break; }; done
[ -n "$python" ] || { skip "weights" "no Python with NumPy (python3-numpy)"; exit 0; }
arrays() { "$python" "$root/tests/e2e/arrays.py" "$@"; }
one="--set seed=1 --set beta=1 --set epochs=1 --threads 1"
"$VAE_LAB" run tiny.lua $one --quiet >/dev/null 2>&1 || no "a run to export" "it failed"

# ---- export
check "export: safetensors" 0 -- "$VAE_LAB" export 1 -o w.safetensors
check "export: npz" 0 -- "$VAE_LAB" export 1 -o w.npz
[ "$(arrays digest w.safetensors)" = "$(sql 'select digest from run')" ] && ok "safetensors: an independent reader finds the run's digest" || no "safetensors" "another digest"
arrays show w.safetensors >a; arrays show w.npz >b
cmp -s a b && [ "$(wc -l <a)" -eq 10 ] && ok "npz: NumPy reads the same arrays" || no "npz" "$(diff a b)"
grep -qF 'encoder.0.W <f4 (784, 32) ' a && grep -qF 'encoder.0.b <f4 (1, 32) ' a && ok "a weight matrix is (in, out), a bias (1, out)" || no "shapes" "$(cat a)"
[ "$(arrays meta w.safetensors identity)" = "$(sql 'select identity from run')" ] && [ "$(arrays meta w.safetensors seed)" = 1 ] &&
    ok "safetensors: the metadata name the run" || no "metadata" "another identity"
"$VAE_LAB" export 1 -o - --what weights | cmp -s - w.safetensors && ok "export to standard output gives the same bytes" || no "export -o -" "other bytes"
"$VAE_LAB" export 1 -o again.npz && cmp -s w.npz again.npz && ok "npz: equal arrays give equal bytes" || no "npz" "other bytes"

sql "insert into metric values (1, (select id from metric_name where name = 'train/kl'), 2, null, 'nan'), (1, (select id from metric_name where name = 'train/kl'), 3, null, '-inf')"
check "export: curves as CSV" 0 -- "$VAE_LAB" export 1 -o curves.csv
"$python" - <<'EOF' && ok "CSV: every digit, step and word of the record" || no "CSV" "see above"
import csv, sqlite3
rows = list(csv.reader(open("curves.csv", newline="")))
want = sqlite3.connect("results.db").execute("select n.name, m.step, m.value, m.kind from metric m join metric_name n on n.id = m.metric order by 1, 2").fetchall()
assert rows[0] == ["metric", "step", "value"] and open("curves.csv", "rb").read().count(b"\r\n") == len(rows)
got = [(m, int(s), v) for m, s, v in rows[1:]]
assert len(got) == len(want), (len(got), len(want))
for (m, s, v), (n, t, x, kind) in zip(got, want):
    assert (m, s) == (n, t) and (v == kind if kind else float(v) == x), (m, s, v, x, kind)
EOF
check "export: curves as npz" 0 -- "$VAE_LAB" export 1 -o curves.npz --what curves
check "export: posteriors" 0 -- "$VAE_LAB" export 1 -o z.npz --what posteriors
check "export: posteriors as CSV" 0 -- "$VAE_LAB" export 1 -o z.csv --what posteriors
"$python" - <<'EOF' && ok "npz: curves and posteriors are those of the record" || no "npz" "see above"
import csv, numpy, sqlite3
db = sqlite3.connect("results.db")
c, z = numpy.load("curves.npz"), numpy.load("z.npz")
elbo = db.execute("select step, value from curves where metric = 'train/elbo' order by step").fetchall()
assert c["train/elbo"].tolist() == [v for _, v in elbo] and c["train/elbo.step"].tolist() == [s for s, _ in elbo]
assert numpy.isnan(c["train/kl"][1]) and c["train/kl"][2] == -numpy.inf
rows = db.execute("select example, label, mu, sigma from posterior order by example").fetchall()
assert z["example"].tolist() == [r[0] for r in rows] and z["label"].tolist() == [r[1] for r in rows]
assert z["mu"].tobytes() == b"".join(r[2] for r in rows) and z["sigma"].tobytes() == b"".join(r[3] for r in rows)
t = list(csv.DictReader(open("z.csv", newline="")))
assert [numpy.float32(r["mu2"]) for r in t] == z["mu"][:, 1].tolist() and [numpy.float32(r["sigma1"]) for r in t] == z["sigma"][:, 0].tolist()
EOF
check "export: an existing file is left" 5 'exists already' '--force replaces it' -- "$VAE_LAB" export 1 -o w.npz
check "export: --force replaces it" 0 -- "$VAE_LAB" export 1 -o w.npz --force
check "export: a misspelt ending" 2 'did you mean ".safetensors"' -- "$VAE_LAB" export 1 -o w.safetensor
check "export: no ending" 2 'ends in .safetensors, .npz or .csv' -- "$VAE_LAB" export 1 -o w
check "export: a part that the format does not hold" 2 'does not hold curves' -- "$VAE_LAB" export 1 -o c.safetensors --what curves
check "export: no such run" 4 'there is no run 7' -- "$VAE_LAB" export 7 -o c.csv
check "export: no such folder" 5 'No such file or directory' 'the folder must exist' -- "$VAE_LAB" export 1 -o nowhere/c.csv
[ -e /dev/full ] && { "$VAE_LAB" export 1 -o - >/dev/full 2>out; [ $? -eq 5 ] && grep -q 'could not be written' out && ok "export: a full disk is reported" || no "export to a full disk" "$(cat out)"; }
(trap '' XFSZ; ulimit -f 64; "$VAE_LAB" export 1 -o full.npz --what weights) >out 2>&1
[ $? -eq 5 ] && grep -q 'cannot write a file' out && [ -z "$(ls full* 2>/dev/null)" ] && ok "export: a write that fails leaves no file" || no "a failed write" "$(cat out; ls full*)"
sql "update artifact set bytes = cast(x'00000000' || substr(bytes, 5) as blob) where name = 'weights'"
check "export: weights that were edited are refused" 4 'not those that it recorded' 'was the database edited' -- "$VAE_LAB" export 1 -o edited.npz
