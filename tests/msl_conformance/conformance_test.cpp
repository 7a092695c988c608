// Every feature of the table: accepted, run on the CPU with its known answers, lowered to PTX. And the document that
// lists them is the one in docs/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <numeric>
#include <sstream>

#include "msl/parsed_source.hpp"
#include "msl_conformance/features.hpp"
#include "support/test_device.hpp"

namespace {

using anymetal::Device;
using anymetal::Result;
using msl_conformance::Feature;
using msl_conformance::Refusal;

constexpr std::size_t kGuard = 64;
constexpr std::byte kPoison{0xa5};

Result<anymetal::PipelinePtr> compile(const Feature& feature, const Device& device) {
  anymetal::KernelRegistry registry;
  anymetal::SourceOptions options;
  options.language_standard = feature.standard;
  registry.register_source("k", msl_conformance::source_of(feature), options);
  return registry.get_pipeline_with_constants("k", device, feature.constants);
}

Result<std::vector<int>> run(const Feature& feature, Device& device) {
  const auto pipeline = compile(feature, device);
  if (!pipeline) return std::unexpected(pipeline.error());
  std::vector<std::byte> output(feature.expected.size() * sizeof(int) + kGuard, kPoison);
  std::vector<int> numbers(256);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto o = device.make_buffer(output.size());
  auto n = device.make_buffer(numbers.size() * sizeof(int));
  auto encoder = device.make_command_encoder();
  if (!o || !n || !encoder || !o->write(output) || !n->write(std::as_bytes(std::span(numbers)))) {
    return std::unexpected(anymetal::Error(anymetal::ErrorCode::InternalError, "no buffers"));
  }
  encoder->set_pipeline(*pipeline);
  encoder->set_buffer(0, *o);
  encoder->set_buffer(1, *n);
  encoder->dispatch_threads({feature.threads, 1, 1}, {feature.threads, 1, 1});
  if (const auto done = encoder->commit_and_wait(); !done) return std::unexpected(done.error());
  if (const auto read = o->read(output); !read) return std::unexpected(read.error());
  EXPECT_TRUE(std::ranges::all_of(std::span(output).last(kGuard), [](std::byte b) { return b == kPoison; }))
      << "written past the output";
  std::vector<int> result(feature.expected.size());
  std::memcpy(result.data(), output.data(), result.size() * sizeof(int));
  return result;
}

struct Case {
  std::string name;
  const Feature* feature;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const auto& chapter : msl_conformance::chapters()) {
    for (std::size_t i = 0; i < chapter.features.size(); ++i)
      cases.push_back({std::string(chapter.tag) + "_" + std::to_string(i + 1), &chapter.features[i]});
  }
  return cases;
}

class Conformance : public testing::TestWithParam<Case> {};

TEST_P(Conformance, RunsAndLowersToPtx) {
  const Feature& feature = *GetParam().feature;
  SCOPED_TRACE(feature.name);
  ASSERT_FALSE(feature.expected.empty()) << "a feature without a known answer";
  auto device = anymetal::test::test_device();
  ASSERT_TRUE(device) << device.error().message();
  const auto result = run(feature, *device);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(*result, feature.expected);
  const auto cuda = Device::open("cuda:sm_90");
  ASSERT_TRUE(cuda) << cuda.error().message();
  const auto lowered = compile(feature, *cuda);
  EXPECT_TRUE(lowered) << lowered.error().message();
}

INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::ValuesIn(all_cases()),
                         [](const auto& each) { return each.param.name; });

/// Why the program has no kernel `k`, at whichever stage that shows; empty where it has one.
std::string refusal_of(const Refusal& refusal) {
  anymetal::msl::SourceRequest request;
  request.text = "#include <metal_stdlib>\nusing namespace metal;\n" + std::string(refusal.program);
  const auto source = anymetal::msl::ParsedSource::parse(request);
  if (!source) return source.error().message();
  const auto entry = (*source)->entry("k");
  if (!entry) return entry.error().message();
  const auto kernel = anymetal::msl::specialise(**entry, {});
  return kernel ? std::string() : kernel.error().message();
}

TEST(Refusals, SayWhatIsOutOfScope) {
  for (const Refusal& refusal : msl_conformance::refusals())
    EXPECT_THAT(refusal_of(refusal), testing::HasSubstr(refusal.message)) << refusal.name;
}

TEST(Document, IsTheTable) {
  const std::string path = ANYMETAL_SOURCE_DIR "/docs/msl-conformance.md";
  if (std::getenv("ANYMETAL_WRITE_DOCS") != nullptr) std::ofstream(path) << msl_conformance::markdown();
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), msl_conformance::markdown())
      << "write it anew: ANYMETAL_WRITE_DOCS=1 msl_conformance --gtest_filter=Document.*";
}

}  // namespace
