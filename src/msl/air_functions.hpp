#pragma once
/// \file
/// Functions that a source declares by their names in Apple's IR.

#include "msl/compilation.hpp"

namespace anymetal::msl {

/// `void f(int, thread event**) __asm("air.wait_simdgroup_events");` is `void f(int, thread event**)` with an annotation (prepass.hpp).
/// Gives those that the library has (include/__msl/async_copy.h) a body that calls it, and reports all others.
void define_air_functions(Compilation& compilation);

}  // namespace anymetal::msl
