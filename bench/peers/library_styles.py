#!/usr/bin/env python3
"""Compiles Metal kernels of published programs and libraries of many styles, unmodified, and says how many compile.

    bench/peers/library_styles.py --anymetal build/release/anymetal [--device cuda:sm_90a] [--only hashcat] [--folder /tmp/styles] [--every 60]

Takes source packages from Debian (by apt, with lists of its own under FOLDER) and wheels from PyPI, each by an exact version, and unpacks
only their Metal sources. Nothing of them is installed or run. A kernel is `outside` where it is refused because it takes what is no part of
the compute subset (textures, per-thread stage-in, ray tracing) or more threadgroup memory than Metal allows. Messages of what else fails go
to FOLDER/NAME.log. hashcat has 1,468 files of up to 300 KB of code each: --every 60 takes one in sixty.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import kernel_libraries

OUTSIDE = re.compile(r"compute subset|stage-in|bytes of threadgroup memory, limit|'goto' is not supported")
LISTS = "".join(f"deb-src http://deb.debian.org/debian {suite} main\n" for suite in ["bookworm", "trixie", "sid"])
# Package, version, what to unpack of it.
DEBIAN = {
    "spirv_cross": ("spirv-cross", "2021.01.15+1.3.239.0-1", r"/reference/"),
    "hashcat": ("hashcat", "6.2.6+ds1-1", r"/(OpenCL/.*|src/modules/module_\d+\.c)$"),
    "pytorch": ("pytorch", "2.6.0+dfsg-7", r"/native/mps/kernels/.*\.(metal|h)$"),
    "cycles": ("blender", "3.4.1+dfsg-2", r"/intern/cycles/(kernel|util)/.*\.(metal|h)$"),
    "angle": ("webkit2gtk", "2.42.2-1~deb12u1", r"/renderer/metal/shaders/.*\.(metal|h)$"),
}
WHEELS = {
    "carmen-kernels": "0.2.0", "fp4-fp8-for-torch-mps": "1.0.3", "mccl": "6.8.0", "metal-gauss": "0.2.1", "metal-treeshap": "0.1.1",
    "metalcore": "0.1.16", "metalml": "0.2.1", "mlxmolkit-rdkit": "0.5.0", "mps-pointops": "1.0.0", "skmetal": "1.0.0",
    "sovereign-metal": "1.0.1", "tessery": "0.5.1a1",
}
LLAMA_CPP = ("llama-cpp-python==0.3.36", [])
CANDLE = ("mistralrs-metal", "0.8.0")
PLATFORMS = ["--platform", "any"] + [word for system in range(11, 16) for arch in ["arm64", "universal2"] for word in ["--platform", f"macosx_{system}_0_{arch}"]]


def debian(package, version, wanted, folder):
    """The folder with what a source package has of the files wanted."""
    target = folder / f"{package}-{version}"
    if target.exists():
        return target
    apt = folder / "apt"
    for part in ["state/lists/partial", "cache/archives/partial"]:
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "sources.list").write_text(LISTS)
    (apt / "apt.conf").write_text(f'Dir::Etc::sourcelist "{apt}/sources.list"; Dir::Etc::sourceparts "-"; Dir::State "{apt}/state"; '
                                  f'Dir::State::status "/var/lib/dpkg/status"; Dir::Cache "{apt}/cache"; Acquire::Languages "none";')
    environment = os.environ | {"APT_CONFIG": str(apt / "apt.conf")}
    if not list((apt / "state/lists").glob("*Sources*")):
        subprocess.run(["apt-get", "-qq", "update"], env=environment, check=True)
    subprocess.run(["apt-get", "-qq", "source", "--download-only", f"{package}={version}"], env=environment, cwd=folder, capture_output=True)
    upstream = re.sub(r"-[^-]+$", "", version)
    archives = [a for a in folder.glob(f"{package}_{upstream}.orig.tar.*") if a.suffix != ".asc"]
    if not archives:
        sys.exit(f"{package} {version} could not be downloaded")
    with tarfile.open(archives[0]) as archive:
        members = [m for m in archive if m.isfile() and re.search(wanted, m.name)]
        archive.extractall(target, members, filter="data")
    return target


def wheel(package, version, folder, wanted=r"\.(metal|h)$"):
    """The folder with the Metal sources and headers of a wheel for macOS."""
    target = folder / f"{package}-{version}"
    if not target.exists():
        done = tempfile.mkdtemp(dir=folder)
        for python in ["312", "311", "313"]:
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *PLATFORMS, "--python-version", python,
                            "-d", done, f"{package}=={version}"], capture_output=True)
            if found := list(pathlib.Path(done).iterdir()):
                break
        else:
            sys.exit(f"{package} {version} could not be downloaded")
        with zipfile.ZipFile(found[0]) as archive:
            archive.extractall(target, [n for n in archive.namelist() if re.search(wanted, n)])
    return target


def has_kernel(file):
    """Whether a file is a Metal program, not a piece or a template of one."""
    text = file.read_text(errors="replace")
    return re.search(r"\bkernel\b[^;]*?\bvoid\b", text) and "metal_stdlib" in text and "{{" not in text


def spirv_cross(folder):
    """References of a code generator; those marked `.invalid` are such that Apple's compiler refuses them."""
    root = debian(*DEBIAN["spirv_cross"], folder)
    return [f for f in sorted(root.glob("*/reference/**/*")) if f.is_file() and ".invalid." not in f.name and has_kernel(f)], []


def hashcat(folder):
    """OpenCL's sources under the words of Metal, as the program's Metal back end defines them."""
    root = next(debian(*DEBIAN["hashcat"], folder).iterdir())
    programs = folder / "hashcat_programs"
    programs.mkdir(exist_ok=True)
    absent = "CUDA_ARCH HAS_ADD HAS_ADDC HAS_SUB HAS_SUBC HAS_VADD HAS_VADDC HAS_VADD_CO HAS_VADDC_CO HAS_VSUB HAS_VSUBB HAS_VSUB_CO HAS_VSUBB_CO HAS_VPERM " \
             "HAS_VADD3 HAS_VBFE HAS_BFE HAS_LOP3 HAS_MOV64 HAS_PRMT HAS_SHFW".split()
    files = []
    for source in sorted((root / "OpenCL").glob("m[0-9]*.cl")):
        mode = re.match(r"m(\d+)", source.name)[1]
        attack = re.search(r"_a(\d)", source.name)
        module = root / f"src/modules/module_{mode}.c"
        text = module.read_text(errors="replace") if module.exists() else ""
        places = [re.search(rf"DGST_POS{i}\s*=\s*(\d+)", text) for i in range(4)]
        size = re.search(r"DGST_SIZE\s*=\s*DGST_SIZE_\d_(\d+)", text)
        values = dict.fromkeys(absent, 0) | {"KERNEL_STATIC": "", "INCLUDE_PATH": "OpenCL", "IS_APPLE_SILICON": "", "LOCAL_MEM_TYPE": 1, "VENDOR_ID": 2, "VECT_SIZE": 1,
                                             "DEVICE_TYPE": 4, "DGST_ELEM": size[1] if size else 4, "KERN_TYPE": int(mode), "MAX_THREADS_PER_BLOCK": 1024,
                                             "ATTACK_EXEC": 11 if attack else 10, "ATTACK_KERN": attack[1] if attack else 0, "FIXED_LOCAL_SIZE": 32, "_unroll": ""}
        values |= {f"DGST_R{i}": place[1] if place else i for i, place in enumerate(places)}
        file = programs / (source.stem + ".metal")
        file.write_text("#define XM2S(x) #x\n#define M2S(x) XM2S(x)\n" + "".join(f"#define {k} {v}\n" for k, v in values.items())
                        + f'#include "OpenCL/{source.name}"\n')
        files.append(file)
    return files, [root]


def pytorch(folder):
    return sorted(f for f in debian(*DEBIAN["pytorch"], folder).rglob("*.metal") if has_kernel(f)), []


def cycles(folder):
    root = next(debian(*DEBIAN["cycles"], folder).iterdir()) / "intern/cycles"
    return [root / "kernel/device/metal/kernel.metal"], [root]


def angle(folder):
    """`@@#` is how its own preprocessing writes directives."""
    root = debian(*DEBIAN["angle"], folder)
    files = sorted(root.rglob("*.metal"))
    for file in [*files, *root.rglob("*.h")]:
        file.write_text(file.read_text().replace("@@#", "#"))
    return [f for f in files if re.search(r"\bkernel void\b", f.read_text()) and "format_autogen" not in f.read_text()], []


def wheels(folder):
    found = [wheel(package, version, folder) for package, version in WHEELS.items()]
    return [f for root in found for f in sorted(root.rglob("*.metal")) if has_kernel(f)], []


def llama_cpp(folder):
    """The kernels of llama.cpp as it keeps them now: 34 programs and what they include."""
    root = folder / "llama_cpp"
    if not root.exists():
        with tarfile.open(kernel_libraries.fetch(*LLAMA_CPP, folder)) as archive:
            archive.extractall(root, [m for m in archive if m.isfile() and re.search(r"/ggml/src/(ggml-common\.h|ggml-metal/.*\.(metal|h))$", m.name)], filter="data")
    kernels = next(root.rglob("kernels"))
    programs = folder / "llama_cpp_programs"
    programs.mkdir(exist_ok=True)
    files = []
    for source in sorted(kernels.glob("*.metal")):
        if not source.stem.endswith("_common"):
            files.append(programs / source.name)
            files[-1].write_text(f'#define GGML_METAL_HAS_BF16 1\n#define GGML_METAL_HAS_TENSOR 1\n#include "kernels/{source.name}"\n')
    return files, [kernels.parent, kernels.parent.parent]


def candle(folder):
    """Those that Rust's candle has as strings in its programs, one after the other: a new one begins before its first header."""
    binary = next(wheel(*CANDLE, folder, r"\.so$").rglob("*.so")).read_bytes()
    text = max((m[0] for m in re.finditer(rb"[\t\n\r -~\x80-\xf4]{200,}", binary)), key=lambda run: run.count(b"kernel void")).decode(errors="replace")
    lines = text.replace("CANDLE_METAL_ENABLE_FAST_MATH", "\n").split("\n")
    starts = []
    for i, line in enumerate(lines):
        if line.startswith("#include <metal_stdlib>") and not any("#include" in before for before in lines[max(0, i - 2):i]):
            while i and (not lines[i - 1].strip() or lines[i - 1].startswith(("//", "#define"))):
                i -= 1
            starts.append(i)
    programs = folder / "candle"
    programs.mkdir(exist_ok=True)
    files = []
    for n, (begin, end) in enumerate(zip(starts, [*starts[1:], len(lines)])):
        files.append(programs / f"candle_{n}.metal")
        files[-1].write_text("\n".join(lines[begin:end]) + "\n")
    return files, []


LIBRARIES = [spirv_cross, pytorch, angle, wheels, cycles, hashcat, llama_cpp, candle]


def compile_file(options, file, include):
    """(kernels, compiled, outside, messages of the rest). A file refused as a whole counts for the kernels that its text shows."""
    folders = [word for directory in [*include, file.parent] for word in ["-I", str(directory)]]
    command = [str(options.anymetal), "compile", str(file.absolute()), "--all", "--json", "--device", options.device, *folders]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    result = json.loads(done.stdout) if done.stdout else {"entries": [], "diagnostics": []}
    refused = [e.get("message", "") for e in result["entries"] if not e["ok"]]
    compiled = len(result["entries"]) - len(refused)
    if not result["entries"]:
        errors = [d["message"] for d in result["diagnostics"] if d["severity"] == "error"] or [done.stderr[-300:]]
        refused = [errors[0]] * max(1, len(re.findall(r"\bkernel void\b", file.read_text(errors="replace"))))
    failed = [message for message in refused if not OUTSIDE.search(message)]
    return compiled + len(refused), compiled, len(refused) - len(failed), failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anymetal", type=lambda name: pathlib.Path(name).absolute(), required=True)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:sm_90a (no GPU needed)")
    parser.add_argument("--only", choices=[library.__name__ for library in LIBRARIES])
    parser.add_argument("--folder", type=pathlib.Path, help="where packages and messages are kept (default: thrown away)")
    parser.add_argument("--every", type=int, default=1, help="one file in this many of hashcat")
    options = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or pathlib.Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{'library':12} {'files':>6} {'kernels':>8} {'compiled':>9} {'outside':>8} {'failed':>7}")
        for library in LIBRARIES:
            if options.only not in (None, library.__name__):
                continue
            files, include = library(folder)
            files = files[:: options.every if library is hashcat else 1]
            found = [compile_file(options, file, include) for file in files]
            kernels, compiled, outside = (sum(each[i] for each in found) for i in range(3))
            log = [f"{file}: {message}\n" for file, each in zip(files, found) for message in each[3]]
            (folder / f"{library.__name__}.log").write_text("".join(log))
            failures += len(log)
            print(f"{library.__name__:12} {len(files):6} {kernels:8} {compiled:9} {outside:8} {len(log):7}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
