#pragma once
/// \file
/// Holds what is said of values and blocks over the lanes against other ways of finding it out.

#include <string>

#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {

class LaneShapes;
struct ThreadFlow;

/// Where `shapes` says more than is true, or an empty text:
/// - what it calls uniform, LLVM's uniformity analysis must call uniform too, with thread positions, private memory and
///   atomic operations as its sources; what follows from a stride alone is tried out instead;
/// - a progression is evaluated for lanes and sample values; that it does not wrap around when widened is not tried;
/// - phis of progressions stand where no lanes meet that took different ways, nor left a loop in different rounds;
/// - a block that a parting branch reaches before all its ways meet is partial.
/// The function is changed meanwhile, not afterwards.
std::string shape_violation(const ThreadFunction& thread, const ThreadFlow& flow, const LaneShapes& shapes);

}  // namespace anymetal::device::cpu
