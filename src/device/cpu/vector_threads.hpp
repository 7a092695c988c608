#pragma once
/// \file
/// Threads that never meet, run beside each other as lanes of vectors, where LLVM's vectorisers do not get there: they
/// take innermost loops of scalars, and threads with loops or vectors of their own are not that.

#include "device/cpu/lanes_path.hpp"

namespace anymetal::device::cpu {

/// Whether emit_vector_threads() may take a kernel; cheap.
bool may_run_as_vectors(const llvm::Function& entry);

/// The function that runs `width` threads of a row, or none and why, where nothing is gained by it; no
/// reason where LLVM vectorises the loop over threads itself. `thread` stays as it is.
LanesBody emit_vector_threads(const ThreadFunction& thread, unsigned width, std::string_view label,
                              const CodeGenerator& generator, const LanesOptions& vectors);

}  // namespace anymetal::device::cpu
