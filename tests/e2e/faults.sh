#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A sample of the fault campaigns of `make check-faults`, with another seed each time, which it prints.
# Slow: starts first.
here=$(dirname "$0")
exec "$here/../faults/run" --sample --build "${VAE_LAB_BUILD:-$here/../../build/release}" --program "${VAE_LAB:?the program to test}"
