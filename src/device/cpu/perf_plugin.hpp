#pragma once
/// \file
/// Tells `perf` the names of generated functions.

#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <memory>

namespace anymetal::device::cpu {

/// A plugin that writes what `ANYMETAL_PERF` asks for: `map` is `/tmp/perf-PID.map`, which `perf report` reads by
/// itself; `jitdump` is `jit-PID.dump` in the working directory, with the code bytes, for `perf inject --jit`.
/// Null where the variable is unset.
std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> make_perf_plugin();

}  // namespace anymetal::device::cpu
