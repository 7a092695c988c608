#include "registry/manifest_recorder.hpp"

#include "observe/log.hpp"

#include <cstdlib>
#include <fstream>

namespace anymetal::registry {

ManifestRecorder::ManifestRecorder() {
  if (const char* path = std::getenv("ANYMETAL_MANIFEST")) path_ = path;
}

void ManifestRecorder::record(std::string_view key) {
  if (path_.empty()) return;
  const std::lock_guard lock(mutex_);
  if (key.find('\n') != std::string_view::npos || !written_.emplace(key).second) return;
  std::ofstream out(path_, std::ios::app);
  out << key << '\n';
  if (!out.flush() && !told_) {
    told_ = true;
    log::warning("cannot write the manifest " + path_);
  }
}

}  // namespace anymetal::registry
