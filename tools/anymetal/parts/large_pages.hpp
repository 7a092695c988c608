#pragma once
/// \file
/// How a file lies in memory: in large pages decoding reads its weights a tenth faster.

#include <istream>
#include <optional>
#include <string_view>

namespace anymetal::cli {

/// Share of a mapped file's resident bytes that are in large pages, 0 to 1, from the text of Linux's `/proc/PID/smaps`.
/// `path` is absolute and without links. Nothing where the file is not mapped or none of it in memory.
std::optional<double> large_page_share(std::istream& smaps, std::string_view path);

}  // namespace anymetal::cli
