// Programs and deterministic mutants of them through the whole front end, or the pre-pass alone, with any compiler:
//   fuzz_replay [--prepass] [--runs N] [--seed S] [--save DIR] [--slow S] FILE|DIR...
// Prints how far they came, and what took more than S seconds of processor time. Fails where the compile guard had to stop a crash, and writes what caused it into DIR.

#include "fuzz/front_end.hpp"
#include "fuzz/mutator.hpp"
#include "fuzz/prepass_check.hpp"

#include <anymetal/compile_limits.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Options {
  std::size_t runs = 0;
  std::uint64_t seed = 1;
  bool prepass_only = false;
  std::string save;
  double slow = 0;  ///< 0: no time is slow
  std::vector<std::string> programs;
};

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Options parse(int argc, char** argv) {
  Options options;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--runs" && has_value) options.runs = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--seed" && has_value) options.seed = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--slow" && has_value) options.slow = std::strtod(argv[++i], nullptr);
    else if (word == "--prepass") options.prepass_only = true;
    else if (word == "--save" && has_value) options.save = argv[++i];
    else if (std::filesystem::is_directory(word)) {
      for (const auto& entry : std::filesystem::directory_iterator(word)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else {
      files.emplace_back(word);
    }
  }
  std::ranges::sort(files);
  for (const auto& file : files) options.programs.push_back(read(file));
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.programs.empty()) {
    fmt::print(stderr, "usage: fuzz_replay [--prepass] [--runs N] [--seed S] [--save DIR] [--slow S] FILE|DIR...\n");
    return 2;
  }
  anymetal::set_compile_limits({.tokens = 200'000, .template_depth = 64, .constexpr_steps = 20'000, .seconds = 20, .megabytes = 1024});
  fuzz::Random random(options.seed);
  std::array<std::size_t, 5> reached{};
  std::size_t defects = 0;
  std::size_t slow = 0;
  const auto save = [&](std::string_view kind, std::size_t number, const std::string& program) {
    if (!options.save.empty()) std::ofstream(fmt::format("{}/{}-{}-{}.metal", options.save, kind, options.seed, number), std::ios::binary) << program;
  };
  const auto run = [&](const std::string& program) {
    const std::clock_t begin = std::clock();
    const auto outcome = options.prepass_only ? fuzz::Outcome{fuzz::Reached::Nothing, fuzz::check_prepass(program)} : fuzz::run_front_end(program);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    if (options.slow > 0 && seconds > options.slow) {
      fmt::print("{:.1f} s for a program of {} bytes\n", seconds, program.size());
      save("slow", ++slow, program);
    }
    ++reached[static_cast<std::size_t>(outcome.reached)];
    if (outcome.defect.empty()) return;
    ++defects;
    fmt::print(stderr, "{}\n", outcome.defect.substr(0, 400));
    save("defect", defects, program);
  };
  for (const std::string& program : options.programs) run(program);
  constexpr std::size_t kLongest = 8192;
  std::vector<std::string> pool = options.programs;
  for (std::size_t i = 0; i < options.runs; ++i) {
    const std::string& parent = pool[random() % pool.size()];
    std::string mutant = fuzz::mutate(parent, options.programs[random() % options.programs.size()], kLongest, random);
    run(mutant);
    // Now and then a mutant is a parent in turn, so that changes add up.
    if (random() % 8 == 0) {
      if (pool.size() < 4 * options.programs.size()) pool.push_back(std::move(mutant));
      else pool[options.programs.size() + random() % (pool.size() - options.programs.size())] = std::move(mutant);
    }
  }
  if (options.prepass_only) {
    fmt::print("{} programs; {} defects\n", reached[0], defects);
    return defects == 0 ? 0 : 1;
  }
  fmt::print("{} programs: {} refused, {} parsed only, {} to IR, {} specialised, {} to code; {} defects\n", options.programs.size() + options.runs,
             reached[0], reached[1], reached[2], reached[3], reached[4], defects);
  return defects == 0 ? 0 : 1;
}
