#!/usr/bin/env python3
"""Where the time of repeated command lists goes: kernels, threads without work, the host.

    ANYMETAL_TRACE=trace.json anymetal generate --model FILE.gguf --prompt TEXT --tokens 100 --temperature 0
    scripts/trace_summary.py trace.json [trace.json ...] [--dispatches N] [--while KERNEL BYTES LOW HIGH] [--json]

A step is from the start of one command list to the start of the next. Taken are lists of the number of dispatches that occurs most
often (or --dispatches), without the first tenth of them: in a model's trace the passes of one token.

Where the speed of memory changes within seconds, --while takes only the steps in which KERNEL moves its BYTES of a step at LOW to HIGH
GB/s; several traces then give enough of them.

Of the time of all threads of the device in a step (step time x threads)
  kernels           is spent in pieces of dispatches,
  synchronisation   passes without a piece between the start and the end of the list: waiting for other threads, waking, scheduling,
  host              is outside the list: recording the next one, choosing a token.
"""

import argparse
import bisect
import collections
import json
import statistics
import sys


def read_events(path):
    """The events of a trace, whose array is never closed."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    end = text.rfind("},")
    if not text.startswith("[") or end < 0:
        raise ValueError("this is no trace")
    return json.loads(text[: end + 1] + "]")


def joined(traces):
    """The events of several traces as those of one, in which no step goes from one to the next."""
    events, end = [], 0.0
    for trace in traces:
        shift = end - min((e["ts"] for e in trace), default=0.0)
        # The device's threads have other numbers in each.
        threads = {tid: i for i, tid in enumerate(sorted({e["tid"] for e in trace if e["name"] == "dispatch"}))}
        events += [e | {"ts": e["ts"] + shift, "tid": threads.get(e["tid"])} for e in trace]
        end = max((e["ts"] + e["dur"] for e in events), default=end) + 1.0
        events.append({"name": "list", "ts": end, "dur": 0.0, "args": {"detail": "0 dispatches"}})
        end += 1.0
    return events


def summarise(events, wanted=None, speed=None):
    """Medians over the steps, with `speed` (kernel, bytes, low, high) over those in which the kernel is so fast; ValueError where there
    are too few."""
    pieces = sorted((e for e in events if e["name"] == "dispatch"), key=lambda e: e["ts"])
    starts = [p["ts"] for p in pieces]
    lists = sorted((e for e in events if e["name"] == "list"), key=lambda e: e["ts"])
    inside = []
    for one in lists:
        first = bisect.bisect_left(starts, one["ts"])
        inside.append(pieces[first : bisect.bisect_left(starts, one["ts"] + one["dur"])])
    sizes = [int(one["args"]["detail"].split()[0]) for one in lists]
    if wanted is None:
        wanted = collections.Counter(sizes).most_common(1)[0][0] if sizes else 0
    steps = [i for i in range(len(lists) - 1) if sizes[i] == wanted and sizes[i + 1] == wanted]
    steps = steps[len(steps) // 10 :]
    if not steps:
        raise ValueError(f"no two lists of {wanted} dispatches follow each other")
    threads = len({p["tid"] for i in steps for p in inside[i]})
    if speed is not None:
        kernel, size, low, high = speed
        taken = {i: sum(p["dur"] for p in inside[i] if p["args"]["detail"].split("|")[0] == kernel) / threads for i in steps}
        steps = [i for i in steps if taken[i] > 0 and low <= size * 1e-3 / taken[i] < high]
        if not steps:
            raise ValueError(f"in no step {kernel} is so fast")
    writing = [e for e in events if e["name"] == "trace"]
    written = [e["ts"] for e in writing]
    rows = []
    for i in steps:
        begin, end = lists[i]["ts"], lists[i + 1]["ts"]
        between = writing[bisect.bisect_left(written, begin) : bisect.bisect_left(written, end)]
        step = end - begin - sum(e["dur"] for e in between)
        busy = sum(p["dur"] for p in inside[i])
        rows.append((step, busy / threads, lists[i]["dur"] - busy / threads, step - lists[i]["dur"]))
    step, busy, lost, host = (statistics.median(column) for column in zip(*rows))
    kernels = collections.defaultdict(list)
    for i in steps:
        for p in inside[i]:
            kernels[p["args"]["detail"]].append(p["dur"])
    return {
        "steps": len(steps),
        "dispatches": wanted,
        "threads": threads,
        "step_microseconds": step,
        "kernels": busy / step,
        "synchronisation": lost / step,
        "host": host / step,
        "by_kernel": {name: sum(t) / len(steps) / threads for name, t in sorted(kernels.items(), key=lambda k: -sum(k[1]))},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="+", metavar="trace")
    parser.add_argument("--while", dest="speed", nargs=4, metavar=("KERNEL", "BYTES", "LOW", "HIGH"), help="only steps with such a speed")
    parser.add_argument("--dispatches", type=int, help="take lists of this many dispatches")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        speed = options.speed and (options.speed[0], *map(float, options.speed[1:]))
        summary = summarise(joined(read_events(trace) for trace in options.traces), options.dispatches, speed)
    except (OSError, ValueError, KeyError) as error:
        print(f"{' '.join(options.traces)}: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(summary))
        return 0
    print("{steps} steps of {dispatches} dispatches on {threads} threads, median {step_microseconds:.0f} us".format(**summary))
    for part in ("kernels", "synchronisation", "host"):
        print(f"  {part:<16}{100 * summary[part]:6.1f} %")
    for name, microseconds in summary["by_kernel"].items():
        print(f"    {microseconds:8.1f} us  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
