#pragma once
/// \file
/// Where functions are evaluated: special values and stratified samples.

#include <vector>

namespace msl_math {

/// Zeros, ones, infinities, NaN, limits, subnormals, the points where the functions change their method, and for each
/// its neighbours; both signs.
std::vector<float> edges();
/// The edges, all exponents of both signs evenly, and the ranges around 0 where most arguments lie.
std::vector<float> samples();

struct Pairs {
  std::vector<float> x, y;
};
/// Edges with edges, samples with samples, pairs with a quotient near 1, and x, y with x^y around the float range.
Pairs pairs();

}  // namespace msl_math
