#pragma once
/// \file
/// What MSL has beside compute kernels on buffers: graphics functions, textures, ray tracing. A file may hold it; no kernel may use it.

#include "msl/compilation.hpp"
#include "msl/reachability.hpp"

#include <span>

namespace clang {
class FunctionDecl;
}  // namespace clang

namespace anymetal::msl {

/// Textures, samplers, tables, tensors that the host binds, structures of ray tracing and of mesh and tile shading, and
/// arrays of them.
bool is_outside_subset(clang::QualType type);

/// Whether a function can be no entry whatever it does: a graphics function, or a kernel that takes textures or their
/// like or per-thread stage-in. Its body is not read.
bool is_outside_subset(const clang::FunctionDecl& function);

/// Reports the uses of functions that the library declares for what is outside the subset, and the built-in variables
/// at program scope.
void report_outside_subset(Compilation& compilation, const Reachable& reachable);

}  // namespace anymetal::msl
