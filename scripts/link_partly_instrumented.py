#!/usr/bin/env python3
"""Link targets of a sanitizer's build in which some objects are still missing.

    ninja -C build/asan src/cache/CMakeFiles/anymetal_cache.dir/disk_store.cpp.o ...
    scripts/link_partly_instrumented.py asan tests/cache/test_cache anymetal

An instrumented library takes LLVM's headers through the compiler for an hour; one room takes minutes. What the preset's build folder
lacks comes from build/dev, which has to be complete. Memory errors are seen in the instrumented objects, and what others
do wrong through the functions of the C library; races only where both sides are instrumented.
"""

import os
import shlex
import subprocess
import sys


def command_that_makes(build, target):
    """The last command that ninja has for `target`, without those of what it is made of."""
    lines = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", target], check=True, capture_output=True, text=True).stdout
    return lines.strip().split("\n")[-1]


class Linker:
    def __init__(self, preset):
        self.build = os.path.join("build", preset)
        self.archives = set()

    def take(self, path):
        """Where the file of the build folder is: there, or in the development build's."""
        if os.path.exists(os.path.join(self.build, path)):
            return path
        other = os.path.abspath(os.path.join("build/dev", path))
        if not os.path.exists(other):
            sys.exit(f"{path} is neither in {self.build} nor in build/dev")
        return other

    def run(self, words):
        subprocess.run(words, check=True, cwd=self.build)

    def archive(self, path):
        if path in self.archives:
            return
        self.archives.add(path)
        objects = [self.take(w) for w in shlex.split(command_that_makes(self.build, path)) if w.endswith(".o")]
        if os.path.exists(os.path.join(self.build, path)):
            os.remove(os.path.join(self.build, path))
        os.makedirs(os.path.dirname(os.path.join(self.build, path)), exist_ok=True)
        self.run(["ar", "qcsP", path, *objects])
        print(f"{path}: {sum(not os.path.isabs(o) for o in objects)} of {len(objects)} objects instrumented")

    def link(self, target):
        steps = command_that_makes(self.build, target).split("&&")
        words = shlex.split(next(s for s in steps if " -o " in s))
        for word in words:
            if word.endswith(".a") and not os.path.isabs(word):
                self.archive(word)
        os.makedirs(os.path.dirname(os.path.join(self.build, target)) or ".", exist_ok=True)
        self.run([self.take(w) if w.endswith((".o", ".so")) and not os.path.isabs(w) else w for w in words])
        print(f"{target}: linked")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    linker = Linker(sys.argv[1])
    for target in sys.argv[2:]:
        linker.link(target)


if __name__ == "__main__":
    main()
