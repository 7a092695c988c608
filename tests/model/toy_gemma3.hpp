#pragma once
/// \file
/// A Gemma 3 file small enough to build in a test: random weights in the real file's block formats, seven layers (so
/// one of them global), a window of a few tokens, and a vocabulary of single bytes.

#include <functional>
#include <string>

#include "model/gguf_writer.hpp"

namespace anymetal::test {

struct ToySizes {
  std::uint32_t layers = 7;
  std::uint32_t width = 256;
  std::uint32_t feed_forward = 512;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 1;
  std::uint32_t head_dim = 256;
  std::uint32_t window = 5;
  std::uint32_t context = 64;
  std::uint32_t vocabulary = 3 + 256;  ///< <pad>, <eos>, <bos>, bytes
};

/// What a test may do to the file before it is laid out.
struct ToyChanges {
  std::string leave_out = {};  ///< a metadata key or tensor that is not written
  std::string architecture = "gemma3";
  std::string reshape = {};                   ///< a tensor written with one row too many
  std::function<void(GgufWriter&)> add = {};  ///< further metadata
};

Bytes toy_gemma3(const ToySizes& sizes = {}, const ToyChanges& changes = {});

}  // namespace anymetal::test
