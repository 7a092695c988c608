#pragma once
/// \file
/// The text forms of `run` and `compile` options: `0=x.npy`, `3=u32:7`, `4x1x1`.
/// Each parser gives InvalidArgument with the offending text and the form that was expected.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parts/npy.hpp"

namespace anymetal::cli {

/// One `--buffer`: content of a whole buffer and where its binding starts.
struct BufferSpec {
  unsigned index = 0;
  NpyArray content;
  std::size_t offset = 0;  ///< bytes
};

/// `IDX=FILE.npy[+OFFSET]`, `IDX=zeros:TYPE:COUNT[+OFFSET]` or `IDX=random:TYPE:COUNT[+OFFSET]`; OFFSET in bytes.
/// Reads the file. Random floats lie in [-1, 1), integers over their whole range; the same on every run.
Result<BufferSpec> parse_buffer(std::string_view text);

/// One `--bytes`: `IDX=TYPE:VALUE[,VALUE...]` or `IDX=@FILE`.
struct BytesSpec {
  unsigned index = 0;
  std::vector<std::byte> bytes;
};
Result<BytesSpec> parse_bytes(std::string_view text);

/// `4x2x1`, `4x2` or `4`.
Result<Size> parse_size(std::string_view text);

/// `IDX=BYTES` of dynamic threadgroup memory.
struct ThreadgroupMemorySpec {
  unsigned index = 0;
  std::size_t bytes = 0;
};
Result<ThreadgroupMemorySpec> parse_threadgroup_memory(std::string_view text);

/// `IDX=FILE.npy`: where a buffer's content goes after the run.
struct DumpSpec {
  unsigned index = 0;
  std::filesystem::path path;
};
Result<DumpSpec> parse_dump(std::string_view text);

/// `NAME=VALUE` or `NAME` (value 1) of `-D`.
Result<std::pair<std::string, std::string>> parse_define(std::string_view text);

}  // namespace anymetal::cli
