// Where the precompiled headers of kernels/ stand in for their texts, and where they do not.

#include "registry/precompiled_kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "msl/parsed_source.hpp"
#include "registry/builtin_catalogue.hpp"

namespace anymetal::registry {
namespace {

const msl::PrecompiledHeaders& headers() { return **precompiled_kernels(msl::Target::Host); }

msl::SourceRequest request_of(std::string text) {
  msl::SourceRequest request;
  request.name = "mine.metal";
  request.text = std::move(text);
  for (const auto& header : builtin_headers()) request.options.include_files.emplace_back(header.name, header.text);
  request.precompiled = &headers();
  return request;
}

std::string& text_of(msl::SourceRequest& request, std::string_view name) {
  return std::ranges::find(request.options.include_files, name, [](const auto& file) { return file.first; })->second;
}

std::vector<std::string> shown(std::span<const Diagnostic> diagnostics) {
  std::vector<std::string> rows;
  for (const auto& d : diagnostics) {
    rows.push_back(d.file + ':' + std::to_string(d.line) + ':' + std::to_string(d.column) + ": " + d.message + " | " +
                   d.source_line);
  }
  return rows;
}

/// The messages about a source, or about its kernel `k` where it parses.
std::vector<std::string> messages(const msl::SourceRequest& request) {
  const auto source = msl::ParsedSource::parse(request);
  if (!source) return shown(source.error().diagnostics());
  const auto entry = (*source)->entry("k");
  return entry ? shown((*source)->warnings()) : shown(entry.error().diagnostics());
}

std::vector<std::string> from_text(msl::SourceRequest request) {
  request.precompiled = nullptr;
  return messages(request);
}

constexpr const char* kSum = R"(#include "common/softmax.h"
using namespace metal;
kernel void k(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { o[i] = 0; }
)";

TEST(PrecompiledKernels, ServeBuiltInTextsOnly) {
  const auto served = request_of(kSum);
  EXPECT_TRUE(headers().serves(served));
  const std::vector<std::pair<const char*, std::function<void(msl::SourceRequest&)>>> changes = {
      {"a header's text", [](auto& r) { text_of(r, "common/reduce.h") += "\n"; }},
      {"one more header", [](auto& r) { r.options.include_files.emplace_back("cpu/common/reduce.h", ""); }},
      {"one header less", [](auto& r) { r.options.include_files.pop_back(); }},
      {"a macro", [](auto& r) { r.options.defines.emplace_back("ANYMETAL_EMULATE_NVIDIA", "90"); }},
      {"an include directory", [](auto& r) { r.options.include_directories.emplace_back("/tmp"); }},
      {"a language standard", [](auto& r) { r.options.language_standard = "metal3.1"; }},
      {"a math mode", [](auto& r) { r.options.math_mode = MathMode::Safe; }},
      {"a target", [](auto& r) { r.target = msl::Target::Nvptx; }},
      {"values of function constants", [](auto& r) { r.binding = msl::ConstantBinding{}; }}};
  for (const auto& [what, change] : changes) {
    auto changed = served;
    change(changed);
    EXPECT_FALSE(headers().serves(changed)) << what;
  }
}

TEST(PrecompiledKernels, AnotherTextOfAHeaderIsTheOneThatCounts) {
  auto request =
      request_of("#include \"common/reduce.h\"\nkernel void k(device int* o [[buffer(0)]]) { *o = mine(); }\n");
  text_of(request, "common/reduce.h") = "inline int mine() { return 1; }\n";
  EXPECT_TRUE(messages(request).empty());
  text_of(request, "common/reduce.h") = "inline int mine() { return nothing_at_all; }\n";
  EXPECT_EQ(messages(request),
            (std::vector<std::string>{"common/reduce.h:1:28: use of undeclared identifier 'nothing_at_all' | inline "
                                      "int mine() { return nothing_at_all; }"}));
}

TEST(PrecompiledKernels, DependenciesAreWhatTheSourceIncludes) {
  auto request = request_of(kSum);
  const auto source = msl::ParsedSource::parse(request);
  ASSERT_TRUE(source) << source.error().message();
  request.precompiled = nullptr;
  const auto text = msl::ParsedSource::parse(request);
  ASSERT_TRUE(text) << text.error().message();
  const std::vector<std::string> names((*source)->dependencies().begin(), (*source)->dependencies().end());
  EXPECT_EQ(names, std::vector<std::string>((*text)->dependencies().begin(), (*text)->dependencies().end()));
  EXPECT_TRUE(std::ranges::count(names, "common/softmax.h") == 1);
  EXPECT_GT(names.size(), 1u);  // and those that it includes
  EXPECT_EQ(std::ranges::count(names, "common/rope.h"), 0);
}

TEST(PrecompiledKernels, MessagesFromInsideAHeaderAreTheSame) {
  const std::vector<std::string> texts = {// A body of a template in the header that an argument does not fit.
                                          "#include \"common/elements.h\"\nkernel void k(device float* o "
                                          "[[buffer(0)]], uint i [[thread_position_in_grid]]) {\n"
                                          "  anymetal::for_each_own<1>({i, 0, 1, 0}, 4, [&](device float* p) { return "
                                          "*p; }, [&](uint at, float v) { o[at] = v; });\n}\n",
                                          // A note at a declaration there.
                                          "#include \"common/elements.h\"\nkernel void k(device float* o "
                                          "[[buffer(0)]]) { anymetal::for_each_own<1>(*o); }\n",
                                          // The text itself, behind headers.
                                          "#include \"common/elements.h\"\n#include \"common/reduce.h\"\nkernel void "
                                          "k(device float* o [[buffer(0)]]) { *o = nothing; }\n"};
  for (const auto& text : texts) {
    const auto request = request_of(text);
    const auto expected = from_text(request);
    EXPECT_FALSE(expected.empty()) << text;
    EXPECT_EQ(messages(request), expected) << text;
  }
}

TEST(PrecompiledKernels, FilesThatDoNotBelongTogetherAreAnInternalError) {
  const auto wrong =
      msl::PrecompiledHeaders::read(msl::Target::Host, headers().pch, "common/gone.h 10\n", headers().given);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), ErrorCode::InternalError);
  EXPECT_TRUE(wrong.error().message().contains("common/gone.h")) << wrong.error().message();

  for (const std::string_view pch : {(*precompiled_kernels(msl::Target::Nvptx))->pch, headers().pch.substr(0, 5000),
                                     std::string_view("no such file")}) {
    auto broken = headers();
    broken.pch = pch;
    auto request = request_of(kSum);
    request.precompiled = &broken;
    const auto source = msl::ParsedSource::parse(request);
    ASSERT_FALSE(source) << pch.size();
    EXPECT_EQ(source.error().code(), ErrorCode::InternalError) << source.error().message();
    EXPECT_TRUE(source.error().message().contains("precompiled headers")) << source.error().message();
  }
}

}  // namespace
}  // namespace anymetal::registry
