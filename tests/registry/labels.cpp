// The text of keys, for every type a function constant may have.

#include "registry/fixture.hpp"

#include <array>
#include <bit>
#include <limits>
#include <set>
#include <string>

namespace anymetal::testing {
namespace {

template <class T, std::size_t N>
ConstantValue vector_of(ConstantType type, const std::array<T, N>& lanes) {
  return ConstantValue::from_bytes(type, N, lanes.data());
}

TEST(Labels, OfEveryType) {
  using enum ConstantType;
  const auto nan = std::bit_cast<float>(0x7fc00001u);
  const struct {
    ConstantValue value;
    const char* text;
  } kCases[] = {
      {true, "b1"},
      {false, "b0"},
      {4, "i4"},
      {std::numeric_limits<std::int32_t>::min(), "i-2147483648"},
      {std::int8_t{-128}, "c-128"},
      {std::uint8_t{255}, "uc255"},
      {std::int16_t{-32768}, "s-32768"},
      {std::uint16_t{65535}, "us65535"},
      {4294967295u, "u4294967295"},
      {ConstantValue::half(0.1f), "h0.099975586"},
      {ConstantValue::half(65504.0f), "h65504"},
      {ConstantValue::half(1e9f), "hinf"},
      {ConstantValue::half(6e-8f), "h5.9604645e-08"},
      {0.1f, "f0.1"},
      {-0.0f, "f-0"},
      {1e30f, "f1e+30"},
      {-std::numeric_limits<float>::infinity(), "f-inf"},
      {nan, "fnan:7fc00001"},
      {vector_of<std::uint8_t, 3>(Bool, {1, 0, 1}), "b(1,0,1)"},
      {vector_of<std::uint8_t, 2>(Bool, {7, 0}), "b(1,0)"},
      {vector_of<std::uint8_t, 2>(Bool, {1, 0}), "b(1,0)"},
      {vector_of<std::int8_t, 2>(Char, {-1, 2}), "c(-1,2)"},
      {vector_of<std::uint8_t, 4>(UChar, {0, 1, 2, 3}), "uc(0,1,2,3)"},
      {vector_of<std::int16_t, 3>(Short, {-1, 0, 1}), "s(-1,0,1)"},
      {vector_of<std::uint16_t, 2>(UShort, {1, 2}), "us(1,2)"},
      {vector_of<std::int32_t, 4>(Int, {1, -2, 3, -4}), "i(1,-2,3,-4)"},
      {vector_of<std::uint32_t, 2>(UInt, {1, 2}), "u(1,2)"},
      {vector_of<std::uint16_t, 2>(Half, {0x3c00, 0xc000}), "h(1,-2)"},
      {vector_of<float, 2>(Float, {0.5f, 1.0f}), "f(0.5,1)"},
      {std::numeric_limits<std::int64_t>::min(), "l-9223372036854775808"},
      {std::numeric_limits<std::uint64_t>::max(), "ul18446744073709551615"},
      {ConstantValue::bfloat(0.1f), "bf0.100097656"},
      {ConstantValue::bfloat(std::numeric_limits<float>::infinity()), "bfinf"},
      {vector_of<std::int64_t, 4>(Long, {1, -2, 3, -4}), "l(1,-2,3,-4)"},
      {vector_of<std::uint64_t, 2>(ULong, {1, 2}), "ul(1,2)"},
      {vector_of<std::uint16_t, 2>(BFloat, {0x3f80, 0xc000}), "bf(1,-2)"},
  };
  const auto compiler = std::make_shared<FakeCompiler>();
  KernelRegistry registry(compiler);
  const Device device(std::make_shared<FakeBackend>());
  registry.register_source("k", "kernel k");
  std::set<std::string> labels;  // a value that stands twice makes no second pipeline
  for (const auto& c : kCases) {
    const auto pipeline = registry.get_pipeline_with_constants("k", device, {FunctionConstant{5u, c.value}});
    ASSERT_TRUE(pipeline) << c.text;
    EXPECT_EQ((*pipeline)->label(), std::string("k|5:") + c.text);
    labels.insert(c.text);
    EXPECT_EQ(registry.cached_count(), labels.size()) << c.text;
  }
}

TEST(Labels, TypesStandInOneOrder) {
  KernelRegistry registry(std::make_shared<FakeCompiler>());
  const Device device(std::make_shared<FakeBackend>());
  registry.register_source("k", "kernel k");
  const auto pipeline = registry.get_pipeline_with_constants(
      "k", device, {FunctionConstant{1u, 1.5f}, {2u, ConstantValue::half(1)}, {3u, 3u}, {4u, std::uint16_t{4}},
                    {5u, std::int16_t{5}}, {6u, std::uint8_t{6}}, {7u, std::int8_t{7}}, {9u, 9}, {8u, 8}, {10u, true}});
  ASSERT_TRUE(pipeline);
  EXPECT_EQ((*pipeline)->label(), "k|10:b1|8:i8|9:i9|7:c7|6:uc6|5:s5|4:us4|3:u3|2:h1|1:f1.5");
}

TEST(Labels, TypesDistinguishEqualNumbers) {
  KernelRegistry registry(std::make_shared<FakeCompiler>());
  const Device device(std::make_shared<FakeBackend>());
  registry.register_source("k", "kernel k");
  const ConstantValue kOnes[] = {true, 1, 1u, 1.0f, std::int8_t{1}, std::uint8_t{1}, std::int16_t{1}, std::uint16_t{1},
                                 ConstantValue::half(1)};
  for (const auto& one : kOnes) ASSERT_TRUE(registry.get_pipeline_with_constants("k", device, {FunctionConstant{1u, one}}));
  EXPECT_EQ(registry.cached_count(), std::size(kOnes));
}

}  // namespace
}  // namespace anymetal::testing
