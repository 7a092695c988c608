// Rotary position embedding: kernels/rope/rope.metal, kernels/rope/rope_multi.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/rope_reference.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

/// Half a unit in the last place of a result of this size, for what is rounded once to `type`; f32 is rounded often.
double rounding(DType type, double value) {
  switch (type) {
    case DType::F16:
      return std::max(std::fabs(value) * 0x1p-11, 0x1p-25);
    case DType::BF16:
      return std::fabs(value) * 0x1p-8;
    default:
      return 0;
  }
}

/// x with what `turn_row` turns of it. An element that is not turned must come out as it is.
template <class TurnRow>
Expected turned(DType type, const Values& x, std::size_t rows, TurnRow turn_row) {
  Expected e = {x, Values(x.size(), 0.0)};
  for (std::size_t row = 0; row < rows; ++row) turn_row(e, row, row * (x.size() / rows));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (e.magnitude[i] != 0) e.magnitude[i] = e.magnitude[i] * 0x1.cp-21 + rounding(type, e.values[i]);
  }
  return e;
}

constexpr Tolerance kOfMagnitude = {.magnitude = 1};

struct Adjacent {
  std::size_t tokens, dim;
  float theta = 10000;
  std::int64_t top_position = 600;
  bool in_place = false;
  Purpose purpose = Purpose::Test;
};

void adjacent_case(CaseList& list, DType type, const Adjacent& s) {
  const auto build = [=](Problem& p) {
    Values x;
    const auto y = input_and_output(p, 0, 1, type, s.tokens * s.dim, normal(), s.in_place, x);
    p.value(2, std::array{s.theta, static_cast<float>(s.dim), static_cast<float>(s.tokens), 0.0f});
    const auto positions = p.input(3, DType::U32, s.tokens, integers(0, s.top_position));
    p.threads({s.dim / 2 + p.spare(3), s.tokens}, {std::min<std::size_t>(64, s.dim / 2), std::min<std::size_t>(4, s.tokens)});
    p.expect(y, kOfMagnitude, [=] {
      return turned(type, x, s.tokens, [&](Expected& e, std::size_t token, std::size_t base) {
        for (std::size_t i = 0; i < s.dim / 2; ++i) {
          turn(e, base + 2 * i, base + 2 * i + 1, rope_angle(positions[token], i, s.dim, static_cast<double>(s.theta)));
        }
      });
    });
  };
  list.add(
      fmt::format("rope_{}", ops::name(type)),
      fmt::format("{}x{} theta={} to {}{}", s.tokens, s.dim, s.theta, s.top_position, s.in_place ? " in place" : ""),
      build, s.purpose);
}

struct Split {
  std::size_t tokens, heads, dim, rope_dim;
  float theta = 10000;
  Fill factors = nullptr;
  std::string factor_label = "";
  std::int64_t top_position = 600;
  bool in_place = false;
  std::size_t extra_threads = 0;
  Purpose purpose = Purpose::Test;
};

void split_case(CaseList& list, DType type, const Split& s) {
  if (type == DType::BF16 && s.factors) return;
  const auto build = [=](Problem& p) {
    const std::size_t rows = s.tokens * s.heads, pairs = s.rope_dim / 2;
    Values x;
    const auto y = input_and_output(p, 0, 1, type, rows * s.dim, normal(), s.in_place, x);
    p.value(2, std::array{s.theta, static_cast<float>(s.dim), static_cast<float>(s.rope_dim), 0.0f});
    const auto positions = p.input(3, DType::U32, s.tokens, integers(0, s.top_position));
    // The bf16 kernel takes no factors, whatever the second word says.
    const std::uint32_t flag = type == DType::BF16 ? 7 : s.factors ? 1 : 0;
    p.value(4, std::array{static_cast<std::uint32_t>(s.heads), flag});
    Values factors(pairs, 1.0);
    if (type == DType::F32) {
      const auto bound = p.input(5, DType::F32, pairs, s.factors ? s.factors : constant(1e30));
      if (s.factors) factors = bound;
    }
    p.threads({pairs + s.extra_threads, rows}, {std::min<std::size_t>(64, pairs), std::min<std::size_t>(4, rows)});
    p.expect(y, kOfMagnitude, [=] {
      return turned(type, x, rows, [&](Expected& e, std::size_t row, std::size_t base) {
        for (std::size_t i = 0; i < pairs; ++i) {
          const double angle =
              rope_angle(positions[row / s.heads], i, s.dim, static_cast<double>(s.theta)) / factors[i];
          turn(e, base + i, base + i + s.dim / 2, angle);
        }
      });
    });
  };
  list.add(fmt::format("rope_neox_{}", ops::name(type)),
           fmt::format("{}x{}x{} rope={} theta={}{} to {}{}{}", s.tokens, s.heads, s.dim, s.rope_dim, s.theta,
                       s.factor_label, s.top_position, s.in_place ? " in place" : "",
                       s.extra_threads > 0 ? " overhanging" : ""),
           build, s.purpose);
}

constexpr std::uint32_t kSections = 8, kVision = 24, kInterleaved = 40;

struct Multi {
  std::size_t tokens, heads, dim, rope_dim;
  std::uint32_t mode;
  std::array<std::uint32_t, 4> sections;
  float theta = 10000;
  std::int64_t low = 0, high = 600;
  bool in_place = false;
  Purpose purpose = Purpose::Test;
};

double multi_angle(const Multi& s, const Values& positions, std::size_t token, std::size_t p) {
  const auto [s0, s1, s2, s3] = s.sections;
  const auto at_axis = [&](std::size_t axis) { return positions[axis * s.tokens + token]; };
  const double theta = static_cast<double>(s.theta);
  if (s.mode == kVision) {
    const std::size_t section = p % std::max(1u, s0 + s1), axis = section < s0 ? 0 : 1;
    return rope_angle(at_axis(axis), section - axis * s0, s.rope_dim / 2, theta);
  }
  const std::size_t section = p % std::max(1u, s0 + s1 + s2 + s3);
  std::size_t axis = 3;
  if (s.mode == kInterleaved) {
    for (const std::size_t a : {0u, 1u, 2u}) {
      if (section % 3 == a && section < 3 * s.sections[a]) axis = a;
    }
  } else {
    axis = section < s0 ? 0 : section < s0 + s1 ? 1 : section < s0 + s1 + s2 ? 2 : 3;
  }
  return rope_angle(at_axis(axis), p, s.rope_dim, theta);
}

void multi_case(CaseList& list, DType type, const Multi& s) {
  const auto build = [=](Problem& p) {
    const std::size_t rows = s.tokens * s.heads;
    Values x;
    const auto y = input_and_output(p, 0, 1, type, rows * s.dim, normal(), s.in_place, x);
    p.value(2, std::array{s.theta, static_cast<float>(s.dim), static_cast<float>(s.rope_dim), 0.0f});
    const auto positions = p.input(3, DType::I32, 4 * s.tokens, integers(s.low, s.high));
    p.value(4, std::array{static_cast<std::uint32_t>(s.heads), s.mode, static_cast<std::uint32_t>(s.tokens), 0u});
    p.value(5, s.sections);
    const std::size_t width = std::min<std::size_t>(s.dim / 2, 256);
    p.threads({s.dim / 2 + p.spare(1 + s.tokens % 2), rows + p.spare(2)}, {width, std::min(rows, std::max<std::size_t>(1, 256 / width))});
    p.expect(y, kOfMagnitude, [=] {
      return turned(type, x, rows, [&](Expected& e, std::size_t row, std::size_t base) {
        for (std::size_t i = 0; i < s.rope_dim / 2; ++i) {
          turn(e, base + i, base + i + s.dim / 2, multi_angle(s, positions, row / s.heads, i));
        }
      });
    });
  };
  list.add(fmt::format("rope_multi_{}", ops::name(type)),
           fmt::format("{}x{}x{} rope={} mode={} sections={} theta={} from {}{}", s.tokens, s.heads, s.dim, s.rope_dim,
                       s.mode, fmt::join(s.sections, ","), s.theta, s.low, s.in_place ? " in place" : ""),
           build, s.purpose);
}

void adjacent_cases(CaseList& list) {
  for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
    for (const Adjacent& s :
         {Adjacent{1, 2}, Adjacent{3, 4}, Adjacent{5, 62}, Adjacent{7, 66}, Adjacent{4, 128}, Adjacent{9, 130},
          Adjacent{6, 256, 1e6f}, Adjacent{3, 64, 10000, 100000}, Adjacent{2, 64, 10000, 0},
          Adjacent{5, 80, 10000, 600, true}, Adjacent{32768, 128, 10000, 32768, false, Purpose::Benchmark},
          Adjacent{262144, 128, 10000, 262144, false, Purpose::LargeBenchmark}}) {
      adjacent_case(list, type, s);
    }
  }
}

void split_cases(CaseList& list) {
  const std::array setups = {
      Split{.tokens = 1, .heads = 1, .dim = 2, .rope_dim = 2},
      Split{.tokens = 3, .heads = 2, .dim = 64, .rope_dim = 64},
      Split{.tokens = 5, .heads = 3, .dim = 128, .rope_dim = 32},
      Split{.tokens = 2, .heads = 5, .dim = 256, .rope_dim = 64, .theta = 1e6f},
      Split{.tokens = 3, .heads = 1, .dim = 130, .rope_dim = 130},
      Split{.tokens = 9, .heads = 5, .dim = 64, .rope_dim = 56},
      Split{.tokens = 3, .heads = 1, .dim = 96, .rope_dim = 2},
      Split{.tokens = 2, .heads = 2, .dim = 36, .rope_dim = 26, .extra_threads = 5},
      Split{.tokens = 2, .heads = 2, .dim = 80, .rope_dim = 40, .top_position = 100000},
      Split{.tokens = 3, .heads = 2, .dim = 72, .rope_dim = 48, .in_place = true},
      Split{.tokens = 3, .heads = 2, .dim = 64, .rope_dim = 40, .factors = uniform(1, 8), .factor_label = " factors"},
      Split{.tokens = 3,
            .heads = 2,
            .dim = 64,
            .rope_dim = 64,
            .factors = constant(1e30),
            .factor_label = " factors=1e30"},
      Split{
          .tokens = 2048, .heads = 4, .dim = 256, .rope_dim = 256, .top_position = 2048, .purpose = Purpose::Benchmark},
      Split{.tokens = 16384,
            .heads = 8,
            .dim = 256,
            .rope_dim = 256,
            .top_position = 16384,
            .purpose = Purpose::LargeBenchmark},
  };
  for (const Split& s : setups) {
    split_case(list, DType::F32, s);
    split_case(list, DType::BF16, s);
  }
}

void multi_cases(CaseList& list) {
  const std::array setups = {
      Multi{1, 1, 2, 2, kSections, {1, 0, 0, 0}},
      Multi{3, 2, 128, 64, kSections, {11, 11, 10, 0}, 1e7f},
      Multi{3, 2, 128, 64, kInterleaved, {11, 11, 10, 0}, 1e7f},
      Multi{4, 1, 128, 128, kSections, {16, 24, 24, 0}, 1e6f},
      Multi{2, 2, 64, 64, kSections, {8, 8, 8, 8}},
      Multi{2, 2, 64, 64, kInterleaved, {8, 8, 8, 8}},
      Multi{2, 2, 64, 64, kInterleaved, {12, 2, 4, 0}},
      Multi{2, 3, 40, 40, kSections, {2, 3, 1, 1}},
      Multi{2, 3, 64, 64, kVision, {16, 16, 0, 0}},
      Multi{2, 3, 80, 80, kVision, {15, 25, 3, 9}},
      Multi{9, 5, 64, 40, kSections, {4, 8, 6, 2}},
      Multi{2, 1, 36, 24, kSections, {0, 0, 0, 0}},
      Multi{2, 1, 36, 24, kInterleaved, {0, 0, 0, 0}},
      Multi{2, 1, 36, 36, kVision, {0, 0, 5, 5}},
      Multi{2, 2, 32, 32, 3, {4, 4, 4, 4}},
      Multi{3, 2, 64, 32, kSections, {4, 6, 6, 0}, 10000, -500, 500},
      Multi{3, 2, 64, 48, kInterleaved, {8, 8, 8, 0}, 10000, 0, 100000},
      Multi{3, 2, 600, 600, kSections, {100, 100, 100, 0}},
      Multi{3, 2, 96, 64, kSections, {11, 11, 10, 0}, 10000, 0, 600, true},
      Multi{16384, 4, 128, 64, kInterleaved, {11, 11, 10, 0}, 1e7f, 0, 2048, false, Purpose::Benchmark},
      Multi{65536, 4, 128, 64, kInterleaved, {11, 11, 10, 0}, 1e7f, 0, 2048, false, Purpose::LargeBenchmark},
  };
  for (const Multi& s : setups) {
    multi_case(list, DType::F32, s);
    multi_case(list, DType::BF16, s);
  }
}

}  // namespace

void rope_cases(CaseList& list) {
  adjacent_cases(list);
  split_cases(list);
  multi_cases(list);
}

}  // namespace anymetal::cases
