// Random kernels in MSL, run as vectors, as coroutines and in the form for threadgroups that are no whole simdgroups:
// the same bits are wanted of all. ANYMETAL_RANDOM_KERNELS=FIRST:COUNT runs those of these seeds instead of a few.

#include <fmt/format.h>

#include <algorithm>

#include "emulated/emulated_backend.hpp"
#include "ir_kernel.hpp"
#include "msl/parsed_source.hpp"
#include "random_kernel.hpp"
#include "support/random_seeds.hpp"

namespace anymetal::test {
namespace {

/// How a dispatch cuts its threads into threadgroups.
struct Geometry {
  Size threads, group;
};

struct Outcome {
  std::vector<std::uint32_t> results, counts;
  std::vector<std::uint8_t> own, rows;
};

template <class T>
std::string difference(const char* name, std::size_t per_thread, const std::vector<T>& got,
                       const std::vector<T>& wanted) {
  const auto [at, other] = std::ranges::mismatch(got, wanted);
  if (at == got.end()) return {};
  const auto position = static_cast<std::size_t>(at - got.begin());
  return fmt::format("{}[{}] of thread {} is {:#x}, not {:#x}", name, position % per_thread, position / per_thread, *at,
                     *other);
}

/// The first difference between two outcomes, or empty.
std::string difference(const Outcome& got, const Outcome& wanted) {
  auto text = difference("result", RandomKernel::kResults, got.results, wanted.results);
  if (text.empty()) text = difference("own", RandomKernel::kOwnBytes, got.own, wanted.own);
  if (text.empty()) text = difference("counts", RandomKernel::kCounts, got.counts, wanted.counts);
  if (text.empty()) text = difference("rows", RandomKernel::kRowBytes, got.rows, wanted.rows);
  return text;
}

msl::SpecialisedKernel compile(const std::string& text) {
  msl::SourceRequest request;
  request.name = "random.metal";
  request.text = text;
  request.options.math_mode = MathMode::Safe;
  const auto source = msl::ParsedSource::parse(request);
  if (!source) throw std::runtime_error(source.error().message());
  return msl::specialise(**(*source)->entry("random"), {}).value();
}

Outcome run(const IrKernel& kernel, const Geometry& geometry) {
  std::mt19937 random(7);
  std::vector<std::uint32_t> input(RandomKernel::kInputWords);
  for (auto& word : input) word = static_cast<std::uint32_t>(random() >> random() % 32);
  const auto random_bytes = [&](std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
  };
  constexpr std::size_t kPlaces = RandomKernel::kPlaces;
  const DeviceArray<std::uint32_t> in(input);
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(kPlaces * RandomKernel::kResults, 0));
  const DeviceArray<std::uint8_t> own(random_bytes(kPlaces * RandomKernel::kOwnBytes));
  const DeviceArray<std::uint8_t> rows(random_bytes(std::size_t{RandomKernel::kRows} * RandomKernel::kRowBytes));
  const DeviceArray<std::uint32_t> bound({RandomKernel::kBound});
  const DeviceArray<std::uint32_t> counts(std::vector<std::uint32_t>(RandomKernel::kCounts, 0));
  EXPECT_TRUE(kernel.run({in.bind(), out.bind(), own.bind(), counts.bind(), rows.bind(), bound.bind()},
                         geometry.threads, geometry.group));
  return {out.values(), counts.values(), own.values(), rows.values()};
}

/// Runs kernels on both paths in every geometry; where they must be as many threads each, outcomes are the same in all.
void compare(RandomKernel::Threads depends, const std::vector<Geometry>& geometries, unsigned few) {
  const auto coroutines = *cpu_or_emulated({.threads = 1, .lanes = false});
  const auto lanes = *cpu_or_emulated({.threads = 1, .lanes = true, .verify = true, .merged_from = 0});
  const auto [first, count] = random_seeds(few);
  const bool whole = depends == RandomKernel::Threads::Whole;
  unsigned taken = 0;
  std::string others;  // why they took another path
  for (unsigned seed = first; seed < first + count; ++seed) {
    const auto text = RandomKernel(seed, depends).text();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const IrKernel vectors(compile(text), lanes), threads(compile(text), coroutines);
    const auto& artifact = vectors.artifact();
    EXPECT_EQ(artifact.path_reason.find("internal error"), std::string::npos) << artifact.path_reason;
    if (artifact.execution_path == "lanes") ++taken;
    else others += fmt::format("; seed {}: {} ({})", seed, artifact.execution_path, artifact.path_reason);
    for (const auto& geometry : geometries) {
      const auto wanted = run(threads, whole ? geometries.front() : geometry);
      ASSERT_EQ(difference(run(vectors, geometry), wanted), "") << geometry.group.x << " wide:\n" << text;
    }
  }
  EXPECT_TRUE(depends >= RandomKernel::Threads::Alone || taken >= count / 8) << taken << " kernels on the lanes path" << others;
}

TEST(RandomKernels, AgreeOnEveryPath) {
  compare(RandomKernel::Threads::Whole, {{{128}, {64}}, {{4, 32}, {2, 32}}, {{16, 8}, {16, 4}}, {{8, 8, 2}, {8, 4, 2}}},
          10);
}
TEST(RandomKernels, AgreeWhereSimdgroupsAreNotWhole) {
  compare(RandomKernel::Threads::Any,
          {{{128}, {64}}, {{100}, {50}}, {{100}, {64}}, {{26, 4}, {16, 4}}, {{16, 7}, {16, 4}}, {{6, 5, 4}, {6, 5, 2}}},
          8);
}
TEST(RandomKernels, AgreeInRowsOfAnyLength) {
  compare(RandomKernel::Threads::Apart,
          {{{32, 4}, {16, 4}},
           {{16, 8}, {8, 8}},
           {{26, 4}, {16, 4}},
           {{20, 6}, {10, 6}},
           {{9, 9}, {5, 9}},
           {{16, 2, 4}, {16, 2, 2}},
           {{6, 5, 4}, {6, 5, 2}}},
          6);
}

TEST(RandomKernels, AgreeWhereThreadsNeverMeet) {
  compare(RandomKernel::Threads::Alone, {{{128}, {64}}, {{100}, {50}}, {{26, 4}, {16, 4}}, {{20, 3, 4}, {10, 3, 2}}},
          6);
}
TEST(RandomKernels, AgreeWhereThreadsKnowTheGridAlone) {
  compare(RandomKernel::Threads::Grid, {{{128}, {8}}, {{100}, {8}}, {{100}, {5}}}, 8);
}

}  // namespace
}  // namespace anymetal::test
