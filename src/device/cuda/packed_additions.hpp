#pragma once
/// \file
/// Sums of two pairs of 16-bit integers, which ptxas does not do right.

#include <string>

namespace anymetal::device::cuda {

/// PTX in which each `add.s16x2` is two `add.s16`. Where one term is a constant and the lower sum alone is looked at,
/// ptxas 12.6 to 13.0, the driver's of 580 too, adds 0 to it: `VIADD.16x2 R, R, 0x0`. Of two instructions it makes the
/// right ones.
std::string split_packed_additions(std::string ptx);

}  // namespace anymetal::device::cuda
