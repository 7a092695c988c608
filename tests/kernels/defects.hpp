#pragma once
/// \file
/// Defects put into the kernels' sources, to show that the case table sees them.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cases/runner.hpp"
#include "registry/builtin_catalogue.hpp"

namespace anymetal::test {

/// A text of the kernel's file or of one of its headers, and what stands there in the defective form.
struct Edit {
  std::string_view from, to;
};

struct Defect {
  const char* name;  ///< as a test's name: what is wrong
  const char* kernel;
  std::vector<Edit> edits;
  bool at_pages = false;  ///< seen at inaccessible pages
};

/// The kernel's source and every header, with the edits made. An edit that finds no place is a failure.
inline void register_with(KernelRegistry& registry, const Defect& defect) {
  const auto kernels = registry::builtin_kernels();
  const auto kernel = std::ranges::find(kernels, std::string_view(defect.kernel), &registry::BuiltinKernel::name);
  ASSERT_NE(kernel, kernels.end()) << defect.kernel;
  std::string source(registry::builtin_files()[kernel->file].text);
  SourceOptions options;
  for (const registry::BuiltinHeader& header : registry::builtin_headers()) {
    options.include_files.emplace_back(header.name, header.text);
  }
  for (const Edit& edit : defect.edits) {
    std::size_t places = 0;
    const auto make = [&](std::string& text) {
      for (std::size_t at = text.find(edit.from); at != std::string::npos;
           at = text.find(edit.from, at + edit.to.size())) {
        text.replace(at, edit.from.size(), edit.to);
        ++places;
      }
    };
    make(source);
    for (auto& header : options.include_files) make(header.second);
    ASSERT_GT(places, 0u) << defect.kernel << " has no longer: " << edit.from;
  }
  // Threads that do not wait for each other are seen where there is more than one.
  constexpr std::string_view kOneThread = "[[any_threadgroup_size]]";
  for (std::size_t at = source.find(kOneThread); at != std::string::npos; at = source.find(kOneThread, at)) {
    source.erase(at, kOneThread.size());
  }
  registry.register_source(defect.kernel, std::move(source), std::move(options));
}

/// One case of the kernel at least fails with the defect.
inline void expect_seen(const Defect& defect) {
  KernelRegistry registry;
  ASSERT_NO_FATAL_FAILURE(register_with(registry, defect));
  const Device device = *Device::open("cpu");
  const cases::Placements placements = defect.at_pages ? cases::kGuardedPages : cases::kAlignments;
  std::size_t failed = 0, ran = 0;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) {
    if (test.kernel != defect.kernel || test.purpose != cases::Purpose::Test || failed > 0) continue;
    const cases::Problem problem = test.make();
    const auto pipeline = cases::pipeline_for(test, problem, registry, device);
    ASSERT_TRUE(pipeline) << pipeline.error().message();
    ++ran;
    if (!cases::run(test, registry, device, 0, placements).passed()) ++failed;
  }
  EXPECT_GT(failed, 0u) << "none of " << ran << " cases of " << defect.kernel << " sees the defect";
}

}  // namespace anymetal::test
