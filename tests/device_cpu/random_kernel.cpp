// The frame of a kernel, its control flow and what its threads do together.
#include "random_kernel.hpp"

#include <fmt/format.h>

#include <array>

namespace anymetal::test {

std::string RandomKernel::text() {
  if (threads_ == Threads::Apart) exchange();  // without a meeting there are no lanes
  statements(3, 8);
  constexpr const char* kHead = R"(#include <metal_stdlib>
using namespace metal;
struct Block { uint word[12]; };
struct Mixed { float x; uchar bytes[6]; ushort half_word; };
kernel void random(device const uint* in [[buffer(0)]], device uint* out [[buffer(1)]],
                   device uchar* all [[buffer(2)]], device atomic_uint* counts [[buffer(3)]],
                   uint group [[threadgroup_position_in_grid]], uint i [[thread_index_in_threadgroup]],
                   uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup uint shared[kThreads];
  threadgroup uchar shared_bytes[kThreads * 4];
  threadgroup Block blocks[kThreads];
  const uint place = group * kThreads + i;
  device uchar* own = all + place * kOwnBytes;
  device uint* result = out + place * kResults;
  uint s0 = in[i], s1 = i, s2 = lane * 3 + simdgroup, s3 = 7;
  float f0 = float(lane), f1 = 2.0f;
  uint words[4] = {i, 5, 6, 7};
  uchar bytes[8] = {1, 2, 3, 4, 5, 6, 7, uchar(i)};
  float numbers[4] = {0.0f, 1.0f, 2.0f, 3.0f};
  uint4 v = uint4(i, 1, 2, 3);
  Block block = {};
  Mixed mixed = {1.0f, {1, 2, 3, 4, 5, 6}, 9};
  shared[i] = s0;
  for (uint k = 0; k < 4; ++k) shared_bytes[4 * i + k] = uchar(s0 >> (8 * k));
  for (uint k = 0; k < 12; ++k) blocks[i].word[k] = s0 + k;
)";
  constexpr const char* kTail = R"(  result[0] = s0;
  result[1] = s1;
  result[2] = s2;
  result[3] = s3;
  result[4] = as_type<uint>(f0);
  result[5] = as_type<uint>(f1 + numbers[s0 % 4] + mixed.x);
  result[6] = words[s1 % 4] + bytes[s2 % 8] + mixed.bytes[s3 % 6] + mixed.half_word;
  result[7] = v.x ^ v.y ^ v.z ^ v.w ^ block.word[s0 % 12];
}
)";
  return fmt::format("constexpr constant unsigned kThreads = {}, kOwnBytes = {}, kResults = {};\n", kThreads, kOwnBytes,
                     kResults) +
         kHead + body_ + kTail;
}

void RandomKernel::statements(unsigned depth, unsigned count) {
  for (unsigned n = 0; n < count; ++n) statement(depth);
}

void RandomKernel::statement(unsigned depth) {
  switch (pick(depth > 0 ? 16 : 11)) {
    case 0:
    case 1:
      return arithmetic();
    case 2:
      return load();
    case 3:
      return store();
    case 4:
      return array();
    case 5:
      return vector();
    case 6:
      return copy();
    case 7:
      return is_alone() ? arithmetic() : simdgroup();
    case 8:
      if (is_alone()) return load();
      return threads_ == Threads::Whole && together_ && !returned_ ? shuffle() : simdgroup();
    case 9:
      return together_ && threads_ != Threads::Alone ? exchange() : load();
    case 10:
      return threads_ == Threads::Alone ? vector() : count();  // what is atomic is done thread by thread
    case 11:
    case 12:
      return branch(depth - 1);
    case 13:
      return choice(depth - 1);
    case 14:
      return chance(4) ? leave() : branch(depth - 1);
    default:
      return loop(depth - 1);
  }
}

void RandomKernel::simdgroup() {
  switch (pick(9)) {
    case 0:
      return line(fmt::format("f{} = min(simd_sum({}), 4096.0f);", pick(2), number()));
    case 1:
      return line(fmt::format("{} = simd_prefix_inclusive_sum({});", variable(), value()));
    case 2:
      return line(fmt::format("{} = uint(simd_max(int({})));", variable(), value()));
    case 3:
      return line(fmt::format("{} ^= simd_{}({});", variable(), std::array{"and", "or", "xor"}[pick(3)], value()));
    case 4:
      return line(fmt::format("{} = uint(ulong(simd_ballot({})));", variable(), condition()));
    case 5:
      return line(fmt::format("{} += simd_{}({}) ? 3u : 5u;", variable(), chance(2) ? "all" : "any", condition()));
    case 6:
      return line(fmt::format("f{} = simd_min({});", pick(2), number()));
    case 7:
      return line(fmt::format("{} = simd_prefix_exclusive_sum({});", variable(), value()));
    default:
      return line(fmt::format("{} = simd_sum({});", variable(), value()));
  }
}

void RandomKernel::shuffle() {
  switch (pick(5)) {
    case 0:
      return line(fmt::format("{} = simd_shuffle_xor({}, {});", variable(), value(), 1 + pick(31)));
    case 1:
      return line(fmt::format("f{} = simd_shuffle({}, ushort({}));", pick(2), number(), index(32)));
    case 2:
      return line(fmt::format("{} = simd_broadcast({}, {});", variable(), value(), pick(32)));
    case 3: {
      const auto name = fmt::format("up{}", names_++);
      line(fmt::format("const uint {} = simd_shuffle_up({}, 3);", name, value()));
      return line(fmt::format("{} += lane >= 3 ? {} : 1;", variable(), name));
    }
    default:
      return line(fmt::format("{} = simd_shuffle({}, ushort({}));", variable(), value(), index(32)));
  }
}

void RandomKernel::exchange() {
  const char* barrier = "threadgroup_barrier(mem_flags::mem_threadgroup);";
  line(barrier);
  switch (pick(3)) {
    case 0:
      line(fmt::format("shared[i] = {};", value()));
      line(barrier);
      return line(fmt::format("{} = shared[{}];", variable(), index(kThreads)));
    case 1:
      line(fmt::format("shared_bytes[4 * i + {}] = uchar({});", index(4), value()));
      line(barrier);
      return line(fmt::format("{} += shared_bytes[{}];", variable(), index(4 * kThreads)));
    default:
      line(!copies_private_ || chance(2)
               ? fmt::format("blocks[i] = *(device const Block*)(in + {});", index(kInputWords - 12))
               : std::string("blocks[i] = block;"));
      line(barrier);
      return line(fmt::format("{} ^= blocks[{}].word[{}];", variable(), index(kThreads), index(12)));
  }
}

void RandomKernel::count() {
  line(fmt::format("atomic_fetch_add_explicit(counts + {}, {}, memory_order_relaxed);", index(kCounts), value()));
}

void RandomKernel::branch(unsigned depth) {
  const bool was_together = together_;
  const bool same = chance(3);
  together_ = together_ && same;
  line(fmt::format("if ({}) {{", same ? shared_condition() : condition()));
  ++indent_;
  statements(depth, 1 + pick(3));
  --indent_;
  if (chance(2)) {
    line("} else {");
    ++indent_;
    statements(depth, 1 + pick(3));
    --indent_;
  }
  line("}");
  together_ = was_together;
}

void RandomKernel::choice(unsigned depth) {
  const bool was_together = together_;
  together_ = false;
  line(fmt::format("switch ({}) {{", index(4)));
  for (unsigned way = 0; way < 3; ++way) {
    line(way == 2 ? std::string("default: {") : fmt::format("case {}: {{", way));
    ++indent_;
    statements(depth, 1 + pick(2));
    --indent_;
    line(chance(4) ? "}" : "} break;");
  }
  line("}");
  together_ = was_together;
}

void RandomKernel::loop(unsigned depth) {
  const bool was_together = together_;
  const bool same = chance(2), leaves = chance(2), skips = chance(3);
  together_ = together_ && same && !leaves && !skips;
  const auto counter = fmt::format("k{}", names_++);
  const auto rounds = same ? fmt::format("{}u", 1 + pick(6)) : index(8);
  line(fmt::format("for (uint {} = 0, rounds = {}; {} < rounds; ++{}) {{", counter, rounds, counter, counter));
  ++indent_;
  ++loops_;
  line(fmt::format("{} += {};", variable(), counter));
  statements(depth, 1 + pick(2));
  if (skips) line(fmt::format("if ({}) continue;", condition()));
  if (skips) statements(depth, 1);
  if (leaves) line(fmt::format("if ({}) break;", condition()));
  statements(depth, 1);
  --loops_;
  --indent_;
  line("}");
  together_ = was_together;
}

void RandomKernel::leave() {
  returned_ = true;
  line(fmt::format("if ({} && {}) {{", condition(), condition()));
  line(fmt::format("  result[0] = {};", value()));
  line("  return;");
  line("}");
}

}  // namespace anymetal::test
