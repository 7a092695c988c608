#!/usr/bin/env python3
"""Draws measured kernels under the ceilings of the machine they ran on, and lists them.

    anymetal bench kernel --all --json > kernels.json
    scripts/roofline.py kernels.json --svg docs/roofline-cpu.svg --table docs/roofline-cpu.md --machine "AMD Zen 3 (AVX2)"

    bench/nvidia/measure.py ./anymetal ./libnvidia_events.so --parts ceilings,kernels --kernels all --roofline kernels.json
    scripts/roofline.py kernels.json --table docs/roofline-nvidia.md

Several files are taken as parts of one run: of a kernel and shape that stands in more than one the last counts, of the ceilings the
median. What limits a kernel is what takes longer at the ceilings' speed: moving its bytes at copy bandwidth, or its arithmetic:
floating-point operations at the multiply-add peak or, where `operations` of vector lanes are counted (src/cases/operations.cpp), one a
multiply-add. The left half of the picture has the kernels whose operations are counted: GFLOP/s over operations per byte, below what memory
and the multiply-add units allow (Williams, Waterman, Patterson: Roofline, CACM 52(4), 2009). The right half has all others: GB/s over
the bytes they move, below read and copy bandwidth. Small ones may lie above: their data stays in caches.
"""

import argparse
import html
import json
import math
import statistics
import sys

LARGE = 60_000_000  # bytes that a GPU's last-level cache does not hold
WIDTH, HEIGHT, LEFT, TOP, GAP = 560, 420, 62, 44, 90


class Panel:
    """One pair of logarithmic axes, drawn at an offset."""

    def __init__(self, offset, x_range, y_range):
        self.offset, self.x_range, self.y_range = offset, x_range, y_range
        self.parts = []

    def x(self, value):
        low, high = (math.log10(v) for v in self.x_range)
        return self.offset + (math.log10(value) - low) / (high - low) * WIDTH

    def y(self, value):
        low, high = (math.log10(v) for v in self.y_range)
        return TOP + HEIGHT - (math.log10(value) - low) / (high - low) * HEIGHT

    def axes(self, title, x_name, y_name):
        left, right, top, bottom = self.offset, self.offset + WIDTH, TOP, TOP + HEIGHT
        self.parts.append(f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>')
        self.text((left + right) / 2, top - 14, title, "middle", 14)
        self.text((left + right) / 2, bottom + 38, x_name, "middle")
        self.parts.append(
            f'<text x="{left - 44}" y="{(top + bottom) / 2}" font-size="12" text-anchor="middle" '
            f'transform="rotate(-90 {left - 44} {(top + bottom) / 2})">{y_name}</text>'
        )
        for value in decades(*self.x_range):
            self.line([(self.x(value), top), (self.x(value), bottom)], "#ddd")
            self.text(self.x(value), bottom + 18, f"{value:g}" if value < 1e6 else f"{value:.0e}".replace("e+0", "e"), "middle")
        for value in decades(*self.y_range):
            self.line([(left, self.y(value)), (right, self.y(value))], "#ddd")
            self.text(left - 8, self.y(value) + 4, f"{value:g}", "end")

    def line(self, points, colour, width=1):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def text(self, x, y, words, anchor, size=12):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{html.escape(words)}</text>')

    def dot(self, x, y, colour, words):
        x = min(max(x, self.x_range[0]), self.x_range[1])
        y = min(max(y, self.y_range[0]), self.y_range[1])
        self.parts.append(
            f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3.5" fill="{colour}" fill-opacity="0.65">'
            f"<title>{html.escape(words)}</title></circle>"
        )


def decades(low, high):
    return [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def colour_of(row):
    """Green where a plain loop takes longer, red where it is faster by half or more."""
    times = row["times_plain_loop"]
    if times is None:
        return "#777777"
    return "#1a7f37" if times <= 1 else "#bf8700" if times <= 1.5 else "#cf222e"


def limit(row, ceilings):
    """What limits this row, and the milliseconds it would take then."""
    memory = row["bytes"] / ceilings["copy_gigabytes_per_second"] * 1e-6
    arithmetic = (row["flops"] + 2 * row.get("operations", 0)) / ceilings["fma_gigaflops"] * 1e-6
    return ("arithmetic", arithmetic) if arithmetic > memory else ("memory", memory)


def share(row, ceilings):
    """Of the limit's speed."""
    return limit(row, ceilings)[1] / row["milliseconds"]["median"]


def rate(row):
    return row["gigaflops"] if row["flops"] > 0 else row["gigabytes_per_second"]


def draw(rows, ceilings):
    read, copy, peak = (ceilings[k] for k in ("read_gigabytes_per_second", "copy_gigabytes_per_second", "fma_gigaflops"))
    counted = Panel(LEFT, (0.01, 10000), (0.01, 2000))
    counted.axes("kernels whose operations are counted", "operations per byte", "GFLOP/s")
    low, high = counted.x_range
    counted.line([(counted.x(low), counted.y(read * low)), (counted.x(peak / read), counted.y(peak)), (counted.x(high), counted.y(peak))], "#0969da", 2)
    counted.text(counted.x(high) - 8, counted.y(peak) - 6, f"multiply-add {peak:.0f} GFLOP/s", "end")
    counted.text(counted.x(low) + 8, counted.y(read * low) - 10, f"read {read:.1f} GB/s", "start")
    moved = Panel(LEFT + WIDTH + GAP, (1e2, 1e9), (0.01, 1000))
    moved.axes("all others", "bytes moved", "GB/s")
    for value, name in ((read, "read"), (copy, "copy")):
        moved.line([(moved.x(moved.x_range[0]), moved.y(value)), (moved.x(moved.x_range[1]), moved.y(value))], "#0969da", 2)
        above = value == max(read, copy)
        moved.text(moved.x(moved.x_range[0]) + 8, moved.y(value) + (-6 if above else 15), f"{name} {value:.1f} GB/s", "start")
    for row in rows:
        times = row["times_plain_loop"]
        words = f"{row['kernel']}, {row['shape']}: {row['milliseconds']['median']:.4g} ms" + (f", {times:.2f} x plain loop" if times is not None else "")
        if row["flops"] > 0 and row["bytes"] > 0:
            counted.dot(row["flops"] / row["bytes"], row["gigaflops"], colour_of(row), words)
        elif row["bytes"] > 0:
            moved.dot(row["bytes"], row["gigabytes_per_second"], colour_of(row), words)
    width, height = LEFT + 2 * WIDTH + GAP + 20, TOP + HEIGHT + 80
    legend = "".join(
        f'<circle cx="{LEFT + 200 * i + 5}" cy="{height - 14}" r="4" fill="{c}"/><text x="{LEFT + 200 * i + 15}" y="{height - 10}" font-size="12">{t}</text>'
        for i, (c, t) in enumerate(
            (("#1a7f37", "at most 1 x the plain loop"), ("#bf8700", "up to 1.5 x"), ("#cf222e", "more than 1.5 x"), ("#777777", "no plain loop"))
        )
    )
    body = "\n".join(counted.parts + moved.parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n{body}\n{legend}\n</svg>\n'
    )


def table(rows, ceilings, machine=""):
    lines = [
        "# Every kernel under the ceilings of the machine",
        "",
        "Made by `scripts/roofline.py` (its head says how); the picture is [roofline-cpu.svg](roofline-cpu.svg), what it shows "
        "[performance-cpu.md](performance-cpu.md). " + (machine and machine + ". ") + "Threads: {threads:.0f}; read {read_gigabytes_per_second:.1f} GB/s, copy "
        "{copy_gigabytes_per_second:.1f} GB/s, multiply-add {fma_gigaflops:.0f} GFLOP/s in the same run.".format(**ceilings),
        "",
    ]
    ratios = [r["times_plain_loop"] for r in rows if r["times_plain_loop"] is not None]
    if ratios:
        lines += [
            f"{len(rows)} kernels and shapes. Times the plain loop on one thread: median {statistics.median(ratios):.2f}, "
            f"{sum(r <= 1 for r in ratios)} at most 1, {sum(r > 1.5 for r in ratios)} above 1.5.",
            "",
        ]
    moved = [share(r, ceilings) for r in rows if limit(r, ceilings)[0] == "memory" and r["bytes"] > 0]
    if moved:
        lines += [
            f"{len(moved)} are limited by memory; {sum(part >= 0.75 for part in moved)} of them move their bytes at 75 % of copy bandwidth or more "
            "(small ones at more than all of it: their data stays in caches).",
            "",
        ]
    lines += [
        "| kernel | shape | ms | spread | rate | limited by | % of the limit | times the plain loop |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda r: -(r["times_plain_loop"] or 0)):
        times = row["times_plain_loop"]
        time = row["milliseconds"]
        lines.append(
            f"| {row['kernel']} | {row['shape'].replace('|', '/')} | {time['median']:.4f} | {time['spread']:.4f} | {rate(row):.1f} "
            f"{'GFLOP/s' if row['flops'] > 0 else 'GB/s'} | {limit(row, ceilings)[0]} | {100 * share(row, ceilings):.0f} | {'' if times is None else f'{times:.2f}'} |"
        )
    return "\n".join(lines) + "\n"


def gpu_table(rows, ceilings, _machine=""):
    """Of a run on a GPU: what memory limits, the slowest against copy bandwidth first."""
    rows = sorted((r for r in rows if limit(r, ceilings)[0] == "memory" and r["bytes"] > 0), key=lambda r: share(r, ceilings))
    large = [r for r in rows if r["bytes"] >= LARGE]
    return "\n".join(
        [
            "# Every kernel that memory limits, on an NVIDIA GPU",
            "",
            "Made by `scripts/roofline.py` (its head says how); [performance-nvidia.md](performance-nvidia.md) has the reasons of those that do not reach "
            f"60 % of copy bandwidth. {ceilings['device']}: a copy of 1 GiB moved {ceilings['copy_gigabytes_per_second']:.0f} GB/s beside them, f32 multiply-adds "
            f"reached {ceilings['fma_gigaflops'] / 1e3:.0f} TFLOP/s; a launch of one threadgroup takes {ceilings['start_microseconds']:.1f} us between events, of which "
            "2 us are taken off here as off every time.",
            "",
            f"{len(rows)} kernels and shapes; {sum(share(r, ceilings) >= 0.6 for r in rows)} move their bytes at 60 % of copy bandwidth or more. Of the {len(large)} that move "
            f"{LARGE // 1000000} MB or more {sum(share(r, ceilings) >= 0.6 for r in large)} do.",
            "",
            "| kernel | shape | MB | us | spread | GB/s | % of copy |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        + [
            f"| {r['kernel']} | {r['shape'].strip().replace('|', '/')} | {r['bytes'] / 1e6:.1f} | {r['milliseconds']['median'] * 1e3:.1f} | {r['milliseconds']['spread'] * 1e3:.1f} | "
            f"{r['gigabytes_per_second']:.0f} | {100 * share(r, ceilings):.0f} |"
            for r in rows
        ]
    ) + "\n"


def read(paths):
    rows, measured = {}, {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
        for row in run.get("kernels", [run] if "kernel" in run else []):
            rows[row["kernel"], row["shape"]] = row
        for name, value in run["ceilings"].items():
            measured.setdefault(name, []).append(value)
    ceilings = {name: ", ".join(sorted(set(v))) if isinstance(v[0], str) else statistics.median(v) for name, v in measured.items()}
    return list(rows.values()), ceilings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="+", help="what `anymetal bench kernel ... --json` printed")
    parser.add_argument("--svg")
    parser.add_argument("--table")
    parser.add_argument("--machine", default="", help="what the table says that a processor was; a GPU's run says it itself")
    options = parser.parse_args()
    try:
        rows, ceilings = read(options.run)
    except (OSError, ValueError, KeyError) as error:
        print(f"{' '.join(options.run)}: not what bench kernel prints: {error!r}", file=sys.stderr)
        return 1
    in_words = gpu_table if "device" in ceilings else table
    for path, text in ((options.svg, draw), (options.table, lambda *of: in_words(*of, options.machine))):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text(rows, ceilings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
