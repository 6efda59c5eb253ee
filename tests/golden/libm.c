/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/golden/libm.c: prints one hash for each function of the C library's libm, over 100,000 arguments: which of them change
 * their bits when GLIBC_TUNABLES takes instructions away.  Shows that a row of `make check-bits` tests something.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    static const struct {
        const char *name;
        double (*f)(double);
    } list[] = {{"exp", exp}, {"log", log}, {"sin", sin}, {"cos", cos}, {"tanh", tanh}, {"log1p", log1p}, {"expm1", expm1}, {"sqrt", sqrt}};
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        uint64_t hash = 14695981039346656037u, bits; /* FNV-1a, a word at a time */
        for (int i = 1; i <= 100000; i++) {
            double y = list[k].f(i * 0.000137);
            memcpy(&bits, &y, sizeof bits);
            hash = (hash ^ bits) * 1099511628211u;
        }
        printf("%s %016llx\n", list[k].name, (unsigned long long)hash);
    }
    return 0;
}
