#!/usr/bin/env python3
"""How near to its tolerance each output of the kernels came, over many data sets.

usage: kernel_tests --seeds 100 --verbose --gtest_filter='Kernels.rms_norm*' | scripts/tolerances.py [--at-least 4]

Reads what `kernel_tests --verbose` prints and gives for every kernel and buffer the case that came nearest to what was
allowed. `allowed / error` there is how many times wider than needed the tolerance is; --at-least hides the narrower ones.
Outputs that must be exact are left out."""
import argparse
import re
import sys

LINE = re.compile(r"  (\S+) \[(.*)\] buffer (\d+): error (\S+), allowed (\S+)")


def nearest(lines):
    """The largest error / allowed, with its case, of every (kernel, buffer)."""
    worst = {}
    for line in lines:
        match = LINE.match(line)
        if match is None:
            continue
        kernel, case, buffer, error, allowed = match.groups()
        if float(allowed) > 0:
            share = float(error) / float(allowed)
        elif float(error) == 0:
            continue
        else:
            share = float("inf")
        key = (kernel, int(buffer))
        seen, count, _ = worst.get(key, (-1.0, 0, ""))
        worst[key] = (max(share, seen), count + 1, case if share > seen else worst[key][2])
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-least", type=float, default=0, metavar="N", help="only tolerances N times wider than needed")
    arguments = parser.parse_args()
    print(f"{'allowed / error':>16} {'outputs':>8}  kernel, buffer, nearest case")
    rows = sorted(nearest(sys.stdin).items(), key=lambda row: row[1][0])
    for (kernel, buffer), (share, count, case) in rows:
        width = 1 / share if share > 0 else float("inf")
        if width >= arguments.at_least:
            print(f"{width:16.2f} {count:8}  {kernel}, {buffer}, {case}")


if __name__ == "__main__":
    main()
