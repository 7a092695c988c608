#include <fmt/format.h>

#include <anymetal/disk_cache.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "commands/command.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string operation = "stats";
  bool json = false;
};

constexpr double kMebibyte = 1024.0 * 1024.0;

DiskCacheUsage carry_out(const std::string& operation) {
  if (operation == "verify") return verify_disk_cache();
  if (operation == "clear") return clear_disk_cache();
  return disk_cache_usage();
}

Exit run(const Options& options) {
  const DiskCacheUsage usage = carry_out(options.operation);
  if (!usage.problem.empty()) {  // a warning has said why
    return report(Error(ErrorCode::IoError, fmt::format("cache {}: the directory {} cannot be used", options.operation,
                                                        usage.directory)),
                  options.json);
  }
  if (usage.left != 0) {
    return report(Error(ErrorCode::IoError, fmt::format("cache {}: {} of {} entries in {} could not be removed",
                                                        options.operation, usage.left, usage.left + usage.entries,
                                                        usage.directory)),
                  options.json);
  }
  if (options.json) {
    print_json({{"operation", options.operation},
                {"enabled", usage.enabled},
                {"directory", usage.directory},
                {"size_limit", usage.size_limit},
                {"entries", usage.entries},
                {"bytes", usage.bytes},
                {"damaged", usage.damaged}});
    return Exit::Done;
  }
  if (!usage.enabled) {
    fmt::print("The disk cache is off (ANYMETAL_CACHE=0), or there is no directory for it: set ANYMETAL_CACHE_DIR.\n");
    return Exit::Done;
  }
  const double size = static_cast<double>(usage.bytes) / kMebibyte;
  if (options.operation == "clear") {
    fmt::print("Removed {} entries, {:.1f} MiB, from {}\n", usage.entries, size, usage.directory);
  } else {
    fmt::print("directory  {}\nentries    {}\nsize       {:.1f} MiB of {:.0f} MiB\n", usage.directory, usage.entries, size,
               static_cast<double>(usage.size_limit) / kMebibyte);
    if (options.operation == "verify") fmt::print("damaged    {} (removed)\n", usage.damaged);
  }
  return Exit::Done;
}

}  // namespace

void add_cache(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "cache", "Look at, check or empty the disk cache of compiled kernels",
      [](CLI::App& command, Options& options) {
        command.add_option("operation", options.operation, "stats: count the entries; verify: read and check every one; clear: remove all")
            ->required()
            ->check(CLI::IsMember({"stats", "verify", "clear"}));
        command.add_flag("--json", options.json, "Print one JSON object");
      },
      run);
}

}  // namespace anymetal::cli
