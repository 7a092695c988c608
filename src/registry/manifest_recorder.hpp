#pragma once
/// \file
/// Writes down which pipelines a run asks for.

#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace anymetal::registry {

/// Thread contract: safe from any thread.
class ManifestRecorder {
 public:
  /// To the file `ANYMETAL_MANIFEST` names; nowhere if it is unset.
  ManifestRecorder();
  /// Appends a key unless this recorder has written it before. A file that cannot be written costs one warning.
  void record(std::string_view key);

 private:
  std::string path_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> written_;
  bool told_ = false;
};

}  // namespace anymetal::registry
