#include "parts/specs.hpp"
#include "code/declared_constants.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <limits>

namespace anymetal::cli {
namespace {

using ::testing::HasSubstr;

template <class T>
T value_at(const std::vector<std::byte>& bytes, std::size_t index = 0) {
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

TEST(Specs, Sizes) {
  EXPECT_EQ(*parse_size("4x2x3"), (Size{4, 2, 3}));
  EXPECT_EQ(*parse_size("4x2"), (Size{4, 2, 1}));
  EXPECT_EQ(*parse_size("1000"), (Size{1000, 1, 1}));
  for (const char* text : {"", "x", "4x", "4x2x3x1", "-4", "4.0", "4 x2", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Specs, GeneratedBuffers) {
  const auto zeros = parse_buffer("1=zeros:f16:100");
  ASSERT_TRUE(zeros) << zeros.error().message();
  EXPECT_EQ(zeros->index, 1U);
  EXPECT_EQ(zeros->content.data, std::vector<std::byte>(200));
  const auto moved = parse_buffer("30=zeros:u64:4+8");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->offset, 8U);
  EXPECT_EQ(moved->content.data.size(), 32U);
  const auto random = parse_buffer("0=random:f32:1000");
  ASSERT_TRUE(random);
  float sum = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto x = value_at<float>(random->content.data, i);
    ASSERT_TRUE(x >= -1.0F && x < 1.0F);
    sum += x;
  }
  EXPECT_NEAR(sum, 0.0F, 100.0F);
  EXPECT_NE(sum, 0.0F);
  EXPECT_EQ(parse_buffer("0=random:f32:1000")->content.data, random->content.data);
}

TEST(Specs, BufferFilesWithOffset) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "anymetal+spec.npy";
  const std::vector<std::size_t> shape{4};
  ASSERT_TRUE(write_npy(path, ElementType::U8, shape, std::vector<std::byte>(4, std::byte{7})));
  const auto plain = parse_buffer("2=" + path.string());
  ASSERT_TRUE(plain) << plain.error().message();
  EXPECT_EQ(plain->offset, 0U);
  const auto moved = parse_buffer("2=" + path.string() + "+3");
  ASSERT_TRUE(moved) << moved.error().message();
  EXPECT_EQ(moved->offset, 3U);
  EXPECT_EQ(moved->content.data.size(), 4U);
  std::filesystem::remove(path);
}

TEST(Specs, MalformedBuffers) {
  for (const char* text : {"", "0", "0=", "=x.npy", "a=zeros:f32:4", "0=zeros:f64:4", "0=zeros:f32:", "0=zeros:f32:-1",
                           "0=zeros:f32:4+x", "0=zeros:f32:9223372036854775807", "-1=zeros:f32:4"}) {
    EXPECT_FALSE(parse_buffer(text)) << text;
  }
}

TEST(Specs, Bytes) {
  EXPECT_EQ(value_at<std::uint32_t>(parse_bytes("3=u32:7")->bytes), 7U);
  EXPECT_EQ(value_at<std::uint32_t>(parse_bytes("3=u32:0xffffffff")->bytes), 0xffffffffU);
  EXPECT_EQ(value_at<std::int8_t>(parse_bytes("3=i8:-128")->bytes), -128);
  EXPECT_EQ(value_at<float>(parse_bytes("3=f32:1,-2.5,inf")->bytes, 1), -2.5F);
  EXPECT_EQ(value_at<float>(parse_bytes("3=f32:1,-2.5,-inf")->bytes, 2), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(value_at<std::uint16_t>(parse_bytes("3=f16:1.5")->bytes), 0x3e00U);
  for (const char* text : {"3", "3=", "3=u32", "3=u32:", "3=u8:256", "3=u32:-1", "3=i32:1.5", "3=u32:1,", "3=f32:1.0f",
                           "3=double:1", "x=u32:1", "3=@/nonexistent/params.bin"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Specs, Constants) {
  const auto by_index = parse_constant("100=int:-4");
  ASSERT_TRUE(by_index);
  EXPECT_EQ(std::get<std::uint32_t>(by_index->which), 100U);
  EXPECT_EQ(by_index->value, ConstantValue(std::int32_t{-4}));
  const auto by_name = parse_constant("use_mask=bool:true");
  ASSERT_TRUE(by_name);
  EXPECT_EQ(std::get<std::string>(by_name->which), "use_mask");
  EXPECT_EQ(by_name->value, ConstantValue(true));
  EXPECT_EQ(parse_constant("1=half:0.5")->value, ConstantValue::half(0.5F));
  const float vector[] = {1, 2, 3, 4};
  EXPECT_EQ(parse_constant("1=float4:1,2,3,4")->value, ConstantValue::from_bytes(ConstantType::Float, 4, vector));
  EXPECT_EQ(parse_constant("1=long:-5000000000")->value, ConstantValue(std::int64_t{-5000000000}));
  EXPECT_EQ(parse_constant("1=bfloat:1.5")->value, ConstantValue::bfloat(1.5F));
  const std::uint64_t largest[] = {std::numeric_limits<std::uint64_t>::max(), 0};
  EXPECT_EQ(parse_constant("1=ulong2:18446744073709551615,0")->value, ConstantValue::from_bytes(ConstantType::ULong, 2, largest));
  const std::uint16_t rounded[] = {0x3f80, 0x4049};
  EXPECT_EQ(parse_constant("1=bfloat2:1,3.14159")->value, ConstantValue::from_bytes(ConstantType::BFloat, 2, rounded));
  for (const char* text : {"", "100", "100=", "100=int:", "100=int:2147483648", "100=bool:2", "100=long:1.5", "100=ulong:-1", "100=double:1",
                           "100=long:9223372036854775808", "100=ulong:18446744073709551616", "100=bfloat:1e39", "100=bfloat:one",
                           "100=float2:1", "100=float5:1,2,3,4,5", "=int:1", "1x=int:1", "100=int:1,2"}) {
    EXPECT_FALSE(parse_constant(text)) << text;
  }
}

TEST(Specs, ConstantsWithoutATypeHaveThatOfTheirDeclaration) {
  const std::vector<msl::ConstantDeclaration> declared = {{"tile", 3, ConstantType::UChar, 1}, {"scale", 4, ConstantType::Float, 2}, {"use_mask", 5, ConstantType::Bool, 1}, {"offset", 6, ConstantType::Long, 1}};
  const auto constants_of = [&](std::initializer_list<const char*> texts) {
    std::vector<ConstantSpec> specs;
    for (const char* text : texts) specs.push_back(*parse_constant(text));
    return function_constants(specs, declared);
  };
  const auto constants = constants_of({"tile=7", "4=0.5,1", "use_mask=false", "100=int:4", "offset=-5000000000"});
  ASSERT_TRUE(constants) << constants.error().message();
  const std::uint8_t seven = 7;
  const float halves[] = {0.5F, 1};
  EXPECT_EQ((*constants)[0].value, ConstantValue::from_bytes(ConstantType::UChar, 1, &seven));
  EXPECT_EQ((*constants)[1].value, ConstantValue::from_bytes(ConstantType::Float, 2, halves));
  EXPECT_EQ((*constants)[2].value, ConstantValue(false));
  EXPECT_EQ((*constants)[3].value, ConstantValue(std::int32_t{4}));
  EXPECT_EQ((*constants)[4].value, ConstantValue(std::int64_t{-5000000000}));

  EXPECT_EQ(constants_of({"tiel=7"}).error().message(), "--constant tiel=7: no function constant is named 'tiel', did you mean 'tile'?; the source declares tile, scale, use_mask, offset");
  EXPECT_THAT(constants_of({"9=7"}).error().message(), HasSubstr("no function constant has the index '9'"));
  EXPECT_EQ(constants_of({"tile=300"}).error().message(), "--constant tile=300: '300' is not a value of type uchar, which 'tile' has");
  EXPECT_THAT(constants_of({"offset=9223372036854775808"}).error().message(), HasSubstr("'9223372036854775808' is not a value of type long"));
  EXPECT_THAT(constants_of({"tile=true"}).error().message(), HasSubstr("'true' is not a value of type uchar"));
  EXPECT_THAT(constants_of({"scale=1"}).error().message(), HasSubstr("'1' is not a value of type float2"));
  EXPECT_THAT(function_constants(std::vector{*parse_constant("n=1")}, {}).error().message(), HasSubstr("the source declares no function constants"));
}

TEST(Specs, RestOfTheOptions) {
  EXPECT_EQ(parse_threadgroup_memory("2=4096")->bytes, 4096U);
  EXPECT_FALSE(parse_threadgroup_memory("2=4k"));
  EXPECT_EQ(parse_dump("1=out.npy")->path, "out.npy");
  EXPECT_FALSE(parse_dump("out.npy"));
  EXPECT_EQ(*parse_define("N=4"), std::pair(std::string("N"), std::string("4")));
  EXPECT_EQ(*parse_define("N"), std::pair(std::string("N"), std::string("1")));
  EXPECT_FALSE(parse_define("a b=1"));
  EXPECT_FALSE(parse_define("=1"));
}

TEST(Specs, MessagesNameTheOptionAndTheForm) {
  EXPECT_THAT(parse_constant("100").error().message(), HasSubstr("--constant 100: expected NAME=VALUE"));
  EXPECT_THAT(parse_constant("70000=int:1").error().message(), HasSubstr("--constant 70000=int:1: the index of a function constant is at most 65535"));
  EXPECT_TRUE(parse_constant("65535=int:1"));
  EXPECT_THAT(parse_constant("100=uchar:300").error().message(), HasSubstr("'300' is not a value of type uchar"));
  EXPECT_THAT(parse_constant("100=double:1").error().message(), HasSubstr("no function constant can have the type 'double'"));
  EXPECT_THAT(parse_bytes("3=u8:256").error().message(), HasSubstr("'256' is not a value of type u8"));
}

}  // namespace
}  // namespace anymetal::cli
