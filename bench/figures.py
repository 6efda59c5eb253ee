# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench/figures.py: draws a figure with gnuplot: results/bench/NAME.gp and NAME.dat give NAME.pdf and NAME.png.
import os
import subprocess

import machine

WIDTH, HEIGHT = 12.0, 8.0  # cm
# Okabe and Ito's colours, each with its point and dash, so that nothing is shown by colour alone
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
POINTS = [7, 5, 13, 6, 4, 12, 2]
DASHES = ["solid", "(16,9)", "(4,6)", "(16,6,4,6)", "(30,9)", "(8,4)", "solid"]

HEAD = """# {name}: drawn by bench/run.  Change it by hand, then:
#   gnuplot {name}.gp                     draws {name}.pdf
#   gnuplot -e "format='png'" {name}.gp   draws {name}.png
if (!exists('format')) format = 'pdf'
if (format eq 'pdf') set terminal pdfcairo size {width}cm,{height}cm font 'Helvetica,9' fontscale 0.75 linewidth 1 pointscale 0.5
if (format eq 'png') set terminal pngcairo size {png_width},{png_height} font 'Helvetica,9' fontscale 3.125 linewidth 2.0833 \\
    pointscale 2.0833
set encoding utf8
set minussign
set output '{name}.'.format
data = '{name}.dat'
set border 3
set tics nomirror out
set grid lc rgb '#DDDDDD' lt 1 lw 0.8
set style line 9 lc rgb '#555555' lw 1 dt solid
set style line 10 lc rgb '#000000' lw 1.5 dt (16,9)
set key outside top center horizontal Left reverse samplen 2.5 width 1
{styles}
"""


def places(names):
    """Names of bars at 0, 1, 2 …; every other one is a line lower if they would overlap."""
    low = "\\n" if sum(map(len, names)) > 45 else ""
    names = ", ".join('"%s%s" %d' % (low if i % 2 else "", n, i) for i, n in enumerate(names))
    return "set xtics (%s)" % names + ("\nset bmargin 3.5" if low else "")


def draw(name, body, data, width=WIDTH, height=HEIGHT):
    styles = "\n".join("set style line %d lc rgb '%s' lw 2 dt %s pt %d ps 0.8" % (i + 1, c, d, p)
                       for i, (c, d, p) in enumerate(zip(COLOURS, DASHES, POINTS)))
    head = HEAD.format(name=name, width=width, height=height, png_width=int(width / 2.54 * 300), png_height=int(height / 2.54 * 300),
                       styles=styles)
    with open(os.path.join(machine.FIGURES, name + ".gp"), "w") as f:
        f.write(head + body.strip() + "\n")
    with open(os.path.join(machine.FIGURES, name + ".dat"), "w") as f:
        f.write(data)
    for form in ("pdf", "png"):
        done = subprocess.run(["gnuplot", "-e", "format='%s'" % form, name + ".gp"], cwd=machine.FIGURES, stderr=subprocess.PIPE,
                              text=True)
        if done.returncode != 0 or done.stderr:
            machine.note("figure %s: %s" % (name, done.stderr.strip()))
