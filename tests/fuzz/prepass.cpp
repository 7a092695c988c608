// The pre-pass under libFuzzer, over any bytes.

#include "fuzz/mutator.hpp"
#include "fuzz/prepass_check.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!fuzz::check_prepass({reinterpret_cast<const char*>(data), size}).empty()) std::abort();
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t longest);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t longest, unsigned seed) {
  fuzz::Random random(seed);
  if (random() % 4 == 0) return LLVMFuzzerMutate(data, size, longest);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string mutant = fuzz::mutate(text, text, longest, random);
  std::memcpy(data, mutant.data(), mutant.size());
  return mutant.size();
}
