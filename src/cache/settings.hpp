#pragma once
/// \file
/// Where the disk cache is and how large it may grow.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace anymetal::cache {

/// What a writer is about to do; tests kill it there.
enum class PublishStep : std::uint8_t { MakeFolder, CreateFile, WriteSecondHalf, Sync, Rename, MakeRoom };

struct StoreSettings {
  std::string directory;
  std::uint64_t size_limit = std::uint64_t{512} << 20;  ///< bytes; eviction keeps the files below it
  std::string key_file;  ///< seals entries where others may write to the directory; empty: a directory of this user alone
  std::function<void(std::string_view)> warn;           ///< told once per kind of trouble; empty: standard error
  std::function<void(PublishStep)> on_step;             ///< for tests
};

/// From `ANYMETAL_CACHE` (0: off), `ANYMETAL_CACHE_DIR` (else `$XDG_CACHE_HOME/anymetal/kernels`, else `~/.cache/anymetal/kernels`) 
/// `ANYMETAL_CACHE_SIZE` (bytes, or with K, M or G) and `ANYMETAL_CACHE_KEY_FILE`. Nothing where it is off or no directory is known.
std::optional<StoreSettings> settings_from_environment();

/// Whether `ANYMETAL_CACHE` turns the cache off, rather than nobody knowing where to put it.
bool turned_off_by_environment();

/// "512M" and the like in bytes; nothing where it is not a size.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace anymetal::cache
