#pragma once
/// \file
/// How much arithmetic kernels do that move memory: what tells which of the two limits them.

#include <string_view>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Arithmetic of one dispatch in operations of a vector unit's lane; 0 for a kernel that is not in the table. The
/// counts are the least that a form for vectors needs: a multiply-add is one, as is a division, a comparison, a
/// permutation or a conversion of 16 bits; loads, stores and addresses are none. A unit that does M multiply-adds a
/// second does M of them.
[[nodiscard]] double operations_of(std::string_view kernel, const Problem& problem);

/// The kernels of the table.
[[nodiscard]] std::vector<std::string_view> counted_kernels();

}  // namespace anymetal::cases
