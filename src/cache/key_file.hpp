#pragma once
/// \file
/// The secret that entries of a shared directory are sealed with.

#include <expected>
#include <string>

namespace anymetal::cache {

/// The bytes of a key file, or why it is not to be used: it must be a plain file of 16 to 4096 bytes, of this user or
/// root, that only the owner may write to and only owner and group may read.
std::expected<std::string, std::string> read_key_file(const std::string& path);

}  // namespace anymetal::cache
