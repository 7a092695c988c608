#pragma once
/// \file
/// Which random programs a test makes.

#include <cstdlib>

namespace anymetal::test {

struct Seeds {
  unsigned first = 0, count = 0;
};

/// `few` from 0 on, or what the environment names: ANYMETAL_RANDOM_KERNELS=1000:500 are 500 from 1000 on, =1000 is that one.
inline Seeds random_seeds(unsigned few) {
  const char* wanted = std::getenv("ANYMETAL_RANDOM_KERNELS");
  if (wanted == nullptr) return {0, few};
  char* colon = nullptr;
  const auto first = static_cast<unsigned>(std::strtoul(wanted, &colon, 10));
  return {first, *colon == ':' ? static_cast<unsigned>(std::strtoul(colon + 1, nullptr, 10)) : 1};
}

}  // namespace anymetal::test
