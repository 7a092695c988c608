#pragma once
/// \file
/// Random kernels in MSL, for paths that must agree on what a kernel means.

#include <cstdint>
#include <random>
#include <string>

namespace anymetal::test {

/// Writes a kernel that computes whole numbers from `in` and where each thread is: branches, loops that threads leave
/// one by one, early returns, private arrays at indices that differ, loads and stores of every width, copies of
/// structs, threadgroup memory between barriers, simdgroup operations. What it computes is defined: threads write to
/// places of their own, read those of others after a barrier only, and shuffle only among lanes that are there.
class RandomKernel {
 public:
  /// Threads of a threadgroup: two simdgroups.
  static constexpr unsigned kThreads = 64;
  static constexpr unsigned kInputWords = 256;
  static constexpr unsigned kOwnBytes = 128;  ///< of `own`, for each thread
  static constexpr unsigned kResults = 8;     ///< words of `out`, for each thread
  static constexpr unsigned kCounts = 16;     ///< words of `counts`

  /// What a kernel may depend on.
  enum class Threads : std::uint8_t {
    Whole,  ///< threadgroups of kThreads, all in whole simdgroups
    Any,    ///< nothing but that lanes may be missing
    Apart,  ///< the same, and threads do nothing as simdgroups
    Alone,  ///< the same, and they never meet
  };
  RandomKernel(unsigned seed, Threads threads) : random_(seed), threads_(threads), copies_private_(chance(4)) {}

  /// `kernel void random(device const uint* in, device uint* out, device uchar* own, device atomic_uint* counts)`.
  std::string text();

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  [[nodiscard]] bool is_alone() const { return threads_ == Threads::Apart || threads_ == Threads::Alone; }
  bool chance(unsigned of) { return pick(of) == 0; }
  std::string value(unsigned depth = 2);   ///< a uint
  std::string number(unsigned depth = 1);  ///< a float, whole and small
  std::string index(unsigned count, unsigned depth = 1);
  std::string condition();
  std::string shared_condition();  ///< the same in all threads
  std::string variable() { return "s" + std::to_string(pick(4)); }

  void line(const std::string& text) { body_ += std::string(2 * indent_, ' ') + text + "\n"; }
  void statements(unsigned depth, unsigned count);
  void statement(unsigned depth);
  void arithmetic();
  void load();
  void store();
  void array();
  void vector();
  void copy();
  void simdgroup();
  void shuffle();
  void exchange();
  void count();
  void branch(unsigned depth);
  void choice(unsigned depth);
  void loop(unsigned depth);
  void leave();

  std::mt19937 random_;
  Threads threads_;
  bool copies_private_;    ///< structs of the thread's own as a whole: not as vectors
  bool together_ = true;   ///< all threads run what is written now
  bool returned_ = false;  ///< some thread may have returned
  unsigned loops_ = 0;     ///< around what is written now
  unsigned indent_ = 1;
  unsigned names_ = 0;
  std::string body_;
};

}  // namespace anymetal::test
