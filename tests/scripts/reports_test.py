"""scripts/trace_summary.py, scripts/roofline.py and bench/nvidia/measure.py on small inputs with known answers."""

import json
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "bench/nvidia")]
import measure  # noqa: E402
import roofline  # noqa: E402
import trace_summary  # noqa: E402


def event(name, thread, start, duration, detail):
    return {"name": name, "tid": thread, "ts": start, "dur": duration, "args": {"detail": detail}}


def steps(count):
    """Steps of 100 us: 10 us for the host, 5 us of writing that do not count, then 85 us in which two threads are busy 80 and 60 us."""
    events = []
    for i in range(count):
        begin = 100.0 * i
        events += [
            event("dispatch", 1, begin, 50, "a"),
            event("dispatch", 1, begin + 55, 30, "b"),
            event("dispatch", 2, begin + 5, 60, "a"),
            event("list", 1, begin, 85, "2 dispatches"),
            event("trace", 1, begin + 85, 5, "writing"),
        ]
    return events


class TraceSummary(unittest.TestCase):
    def test_divides_a_step(self):
        summary = trace_summary.summarise(steps(5))
        self.assertEqual((summary["dispatches"], summary["threads"]), (2, 2))
        self.assertAlmostEqual(summary["step_microseconds"], 95)
        self.assertAlmostEqual(summary["kernels"], 70 / 95)
        self.assertAlmostEqual(summary["synchronisation"], 15 / 95)
        self.assertAlmostEqual(summary["host"], 10 / 95)
        self.assertAlmostEqual(summary["by_kernel"]["a"], 55)

    def test_takes_the_usual_size_of_list(self):
        events = steps(5) + [event("list", 1, 1000.0, 9, "300 dispatches")]
        self.assertEqual(trace_summary.summarise(events)["dispatches"], 2)
        with self.assertRaises(ValueError):
            trace_summary.summarise(events, 300)

    def test_joins_traces(self):
        other = [e | {"tid": e["tid"] + 3} for e in steps(4)]
        summary = trace_summary.summarise(trace_summary.joined([steps(5), other]))
        self.assertEqual(summary["threads"], 2)
        self.assertEqual(summary["steps"], 4 + 3)  # the last list of each has no step after it
        self.assertAlmostEqual(summary["step_microseconds"], 95)

    def test_takes_the_steps_of_a_speed(self):
        # In steps of the second trace kernel b takes 20 us instead of 30, 10 on each thread's average instead of 15.
        fast = [e | {"dur": 20} if e["args"]["detail"] == "b" else e for e in steps(3)]
        events = trace_summary.joined([steps(5), fast])
        summary = trace_summary.summarise(events, None, ("b", 15e3, 1.2, 2.0))
        self.assertEqual(summary["steps"], 2)
        self.assertAlmostEqual(summary["by_kernel"]["b"], 10)
        self.assertEqual(trace_summary.summarise(events, None, ("b", 15e3, 0.9, 1.2))["steps"], 4)
        with self.assertRaises(ValueError):
            trace_summary.summarise(events, None, ("b", 15e3, 3.0, 4.0))

    def test_reads_what_is_never_closed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write("[\n" + "".join(json.dumps(e) + ",\n" for e in steps(2)))
            file.flush()
            self.assertEqual(len(trace_summary.read_events(file.name)), 10)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("no trace")
            file.flush()
            with self.assertRaises(ValueError):
                trace_summary.read_events(file.name)


CEILINGS = {"threads": 2, "read_gigabytes_per_second": 40.0, "copy_gigabytes_per_second": 30.0, "fma_gigaflops": 500.0}


def row(kernel, bytes_, flops, milliseconds, plain):
    return {
        "kernel": kernel,
        "shape": "f32 | <small>",
        "milliseconds": {"median": milliseconds, "spread": 0.01},
        "bytes": bytes_,
        "flops": flops,
        "gigabytes_per_second": bytes_ * 1e-6 / milliseconds,
        "gigaflops": flops * 1e-6 / milliseconds,
        "times_plain_loop": plain,
    }


class Roofline(unittest.TestCase):
    rows = [row("mm", 1e6, 1e9, 4.0, 0.1), row("mv", 1e6, 2e6, 0.1, 1.2), row("copy", 4e7, 0, 2.0, 3.0), row("odd", 1e3, 0, 1.0, None)]

    def test_limits(self):
        self.assertEqual(roofline.limit(self.rows[0], CEILINGS), ("arithmetic", 2.0))
        name, milliseconds = roofline.limit(self.rows[1], CEILINGS)
        self.assertEqual(name, "memory")
        self.assertAlmostEqual(milliseconds, 1 / 30)
        # Operations of vector lanes that are no floating-point ones: one a multiply-add, which counts as two.
        self.assertEqual(roofline.limit(self.rows[1] | {"operations": 2.5e7}, CEILINGS), ("arithmetic", 0.104))
        self.assertAlmostEqual(roofline.share(self.rows[0], CEILINGS), 0.5)

    def test_draws_every_kernel(self):
        picture = xml.etree.ElementTree.fromstring(roofline.draw(self.rows, CEILINGS))
        titles = [t.text for t in picture.iter("{http://www.w3.org/2000/svg}title")]
        self.assertEqual([t.split(",")[0] for t in titles], ["mm", "mv", "copy", "odd"])

    def test_lists_the_worst_first(self):
        lines = [line for line in roofline.table(self.rows, CEILINGS).splitlines() if line.startswith("| ")][2:]
        self.assertEqual([line.split()[1] for line in lines], ["copy", "mv", "mm", "odd"])
        self.assertIn("| 20.0 GB/s | memory | 67 | 3.00 |", lines[0])
        self.assertIn("GFLOP/s | arithmetic | 50 | 0.10 |", lines[2])

    def test_names_the_machine(self):
        self.assertIn(". Zen 3. Threads: ", roofline.table(self.rows, CEILINGS, "Zen 3"))
        self.assertIn("). Threads: ", roofline.table(self.rows, CEILINGS))

    def test_counts_those_near_copy_bandwidth(self):
        # Of 30 GB/s: 20 and 10 less than three quarters, 22.5 just that many, 0.001 little.
        rows = self.rows + [row("near", 2.25e7, 0, 1.0, 1.0)]
        self.assertIn("4 are limited by memory; 1 of them move", roofline.table(rows, CEILINGS))

    def test_lists_the_slowest_of_a_gpu_first(self):
        ceilings = CEILINGS | {"device": "GPU", "start_microseconds": 2.9}
        rows = self.rows + [row("large", 6e7, 0, 2.5, None)]
        text = roofline.gpu_table(rows, ceilings)
        lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
        self.assertEqual([line.split()[1] for line in lines], ["odd", "mv", "copy", "large"])  # without what arithmetic limits
        self.assertTrue(lines[2].endswith("| 40.0 | 2000.0 | 10.0 | 20 | 67 |"), lines[2])
        self.assertIn("4 kernels and shapes; 2 move", text)
        self.assertIn("Of the 1 that move 60 MB or more 1 do", text)

    def test_joins_parts_of_a_run(self):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for i, (part, read) in enumerate(((self.rows[:2], 39.0), (self.rows[1:], 40.0))):
                paths.append(f"{directory}/{i}.json")
                pathlib.Path(paths[-1]).write_text(json.dumps({"kernels": part, "ceilings": CEILINGS | {"read_gigabytes_per_second": read, "device": "GPU"}}))
            rows, ceilings = roofline.read(paths)
        self.assertEqual(len(rows), 4)
        self.assertEqual(ceilings["read_gigabytes_per_second"], 39.5)
        self.assertEqual(ceilings["device"], "GPU")


EVENTS = """msl_check 90.00 8 256
msl_k 12.00 4 128
msl_k 10.00 4 128
msl_k 11.50 4 128
msl_k 13.00 4 128
msl_second 2.00 1 32
msl_second 2.50 1 32
msl_second 2.25 1 32
"""


class MeasureNvidia(unittest.TestCase):
    def test_sums_the_kernels_of_a_run(self):
        us, spread = measure.summary(EVENTS, 3)  # the last three of each; what ran once belongs to no run
        self.assertAlmostEqual(us, 11.5 + 2.25)
        self.assertAlmostEqual(spread, 3.0)
        with self.assertRaises(ValueError):
            measure.summary(EVENTS, 5)

    def test_runs_are_those_of_the_last_shape(self):
        shapes = "".join(f"msl_k {us} {groups} 128\n" for us, groups in [(90, 8)] * 3 + [(80, 4)] * 3 + [(12, 4), (10, 4), (11, 4)])
        self.assertEqual(measure.summary(shapes, 3), (11.0, 2.0))  # another grid, and the same one with other data, came before

    def test_rates_stand_beside_ceilings(self):
        row = measure.kernel_row({"shape": "s", "runs": 3, "flops": 0, "bytes": 1175e4}, EVENTS, 2000)
        self.assertEqual(row["rate"], "1000 GB/s, 50 %")
        row = measure.kernel_row({"shape": "s", "runs": 3, "flops": 1375e6, "bytes": 1}, EVENTS, 2000)
        self.assertEqual(row["rate"], "100.0 TFLOP/s")

        self.assertEqual(measure.product_row(400.0, 2.0, 180.0)["rate"], "344 TFLOP/s, 45 % of the vendor's")
        self.assertEqual(measure.product_row(400.0, 2.0, 0)["rate"], "344 TFLOP/s")

    def test_rows_become_what_the_roofline_reads(self):
        found = {"gpu": "GPU", "copy": 1000.0, "f32": 2e-3 * 4096**3 / 50e3}  # 50 TFLOP/s
        rows = {
            "quick": {"shape": "s", "us": 12.0, "spread": 1.0, "bytes": 8e6, "flops": 0, "operations": 0},
            "slow": {"shape": "s", "us": 12.0, "spread": 1.0, "bytes": 5e6, "flops": 0, "operations": 0},
            "arithmetic": {"shape": "s", "us": 12.0, "spread": 1.0, "bytes": 1e3, "flops": 1e8, "operations": 0},
            "broken": {"error": "e"},
        }
        self.assertEqual(measure.below(rows, found, 0.6), ["slow", "broken"])
        run = measure.under_ceilings(rows, found, 2.9)
        self.assertEqual([k["kernel"] for k in run["kernels"]], ["quick", "slow", "arithmetic"])
        self.assertAlmostEqual(run["ceilings"]["fma_gigaflops"], 50e3)
        self.assertAlmostEqual(roofline.share(run["kernels"][0], run["ceilings"]), 0.8)

    def test_parameters_of_products_have_the_layout_of_the_kernels(self):
        parameters = measure.parameters_of_product("q4_K")
        self.assertEqual(len(parameters), 88)
        self.assertEqual(int.from_bytes(parameters[8:16], "little"), 4096 // 256 * 144)
        self.assertEqual(int.from_bytes(measure.parameters_of_product("f16")[8:16], "little"), 8192)

    def test_runs_the_program_and_says_what_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "program"
            result = json.dumps({"kernels": [{"shape": "s", "runs": 3, "flops": 0, "bytes": 1175e4}]})
            program.write_text(f"#!/bin/sh\n[ $3 = k ] || {{ echo no such kernel >&2; exit 1; }}\ncat > $ANYMETAL_EVENTS <<E\n{EVENTS}E\necho '{result}'\n")
            program.chmod(0o755)
            measured = measure.Measurement(str(program), "events.so", folder)
            rows = {name: {"program": measure.attempt(measured.kernel, name, 2000)} for name in ("k", "l")}
        lines = measure.table("title", rows, ["program"])
        self.assertIn("13.8 (3.0)  1000 GB/s, 50 %", lines[1])
        self.assertIn("failed: no such kernel", lines[2])


if __name__ == "__main__":
    unittest.main()
