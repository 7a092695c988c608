// A device that one allocation fails for, each in turn: the kernel that is being loaded may fail, those loaded before
// and after do not.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <new>

#include "device/cpu/cpu_backend.hpp"
#include "msl/parsed_source.hpp"
#include "support/allocation_count.hpp"
#include "support/resource_limit.hpp"

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

/// The bytes of address space that the process has.
rlim_t address_space() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t pages = 0;
  in >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// An entry of the disk cache is not taken for damaged because there are no pages for its code.
TEST(NoMemory, NoPagesForCodeAreNoFaultOfTheObject) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs address space of its own";
#endif
  const auto backend = *device::cpu::make_cpu_backend({1, std::nullopt});
  const auto artifact = compiled(*backend);
  ASSERT_TRUE(artifact) << artifact.error().message();
  ASSERT_TRUE(backend->load(*artifact, "before"));
  const auto refused = [&] {
    const test::ResourceLimit limit(RLIMIT_AS, address_space());
    return backend->load(*artifact, "a");
  }();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::OutOfMemory) << refused.error().message();
  EXPECT_TRUE(backend->load(*artifact, "after"));
}

}  // namespace
}  // namespace anymetal::testing
