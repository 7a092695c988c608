// A device that one allocation fails for, each in turn: the kernel that is being loaded may fail, those loaded before
// and after do not.
#include <gtest/gtest.h>

#include <new>

#include "device/cpu/cpu_backend.hpp"
#include "msl/parsed_source.hpp"
#include "support/allocation_count.hpp"

namespace anymetal::testing {
namespace {

/// A kernel as the disk cache keeps it.
Result<device::Artifact> compiled(const device::Backend& backend) {
  msl::SourceRequest request;
  request.name = "a.metal";
  request.text = "kernel void a(device int* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] += 1; }";
  const auto source = msl::ParsedSource::parse(std::move(request));
  if (!source) return std::unexpected(source.error());
  const auto entry = (*source)->entry("a", {});
  if (!entry) return std::unexpected(entry.error());
  auto kernel = msl::specialise(**entry, {});
  if (!kernel) return std::unexpected(kernel.error());
  return backend.compile(std::move(*kernel), "a");
}

TEST(NoMemory, LoadingFailsAndCanBeTriedAgain) {
  const auto artifact = compiled(**device::cpu::make_cpu_backend({1, std::nullopt}));
  ASSERT_TRUE(artifact) << artifact.error().message();
  std::size_t failures = 0;
  bool has_failed = true;
  for (std::size_t at = 0; has_failed; ++at) {
    SCOPED_TRACE(at);
    const auto backend = *device::cpu::make_cpu_backend({1, std::nullopt});
    auto before = backend->load(*artifact, "before");
    ASSERT_TRUE(before);
    {
      const FailingAllocations failing(at, 1);
      try {
        const auto loaded = backend->load(*artifact, "a");
        if (!loaded) {
          // LLVM has crashed where it takes memory without asking whether it got it.
          const bool has_crashed = loaded.error().message().find("crashed") != std::string::npos;
          EXPECT_TRUE(has_crashed || loaded.error().code() == ErrorCode::OutOfMemory) << loaded.error().message();
          ++failures;
        }
      } catch (const std::bad_alloc&) {  // its caller's to see
        ++failures;
      }
      has_failed = failing.happened();
    }
    before->reset();
    ASSERT_TRUE(backend->load(*artifact, "after"));
  }
  EXPECT_GT(failures, 50U);
}

}  // namespace
}  // namespace anymetal::testing
