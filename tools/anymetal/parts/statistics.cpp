#include "parts/statistics.hpp"

#include <nlohmann/json.hpp>

namespace anymetal::cli {

nlohmann::ordered_json to_json(const KernelRegistry::Statistics& s) {
  return {{"memory_hits", s.memory_hits},
          {"waits", s.waits},
          {"source_parses", s.source_parses},
          {"entries", s.entries},
          {"compiles", s.compiles},
          {"loads", s.loads},
          {"failures", s.failures},
          {"cancelled", s.cancelled},
          {"disk_hits", s.disk_hits},
          {"disk_misses", s.disk_misses},
          {"disk_writes", s.disk_writes},
          {"disk_failed_writes", s.disk_failed_writes},
          {"disk_refused", s.disk_refused},
          {"disk_corrupt", s.disk_corrupt},
          {"disk_evictions", s.disk_evictions},
          {"disk_bytes_read", s.disk_bytes_read},
          {"disk_bytes_written", s.disk_bytes_written}};
}

}  // namespace anymetal::cli
