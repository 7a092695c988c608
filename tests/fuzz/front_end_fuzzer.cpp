// The whole front end under libFuzzer.

#include "fuzz/front_end.hpp"
#include "fuzz/mutator.hpp"

#include <anymetal/compile_limits.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  anymetal::set_compile_limits({.tokens = 200'000, .template_depth = 64, .constexpr_steps = 20'000, .seconds = 20, .megabytes = 1024});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto outcome = fuzz::run_front_end({reinterpret_cast<const char*>(data), size});
  if (outcome.defect.empty()) return 0;
  std::fprintf(stderr, "%s\n", outcome.defect.c_str());
  std::abort();
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t longest, unsigned seed) {
  fuzz::Random random(seed);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string mutant = fuzz::mutate(text, text, longest, random);
  std::memcpy(data, mutant.data(), mutant.size());
  return mutant.size();
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data, std::size_t size, const std::uint8_t* other,
                                                 std::size_t other_size, std::uint8_t* out, std::size_t longest, unsigned seed) {
  fuzz::Random random(seed);
  const std::string mutant = fuzz::mutate({reinterpret_cast<const char*>(data), size}, {reinterpret_cast<const char*>(other), other_size}, longest, random);
  std::memcpy(out, mutant.data(), mutant.size());
  return mutant.size();
}
