// From text to a callable kernel, stage by stage, over the built-in catalogue on the CPU device:
//   bench_compile_stages [--every N] [--runs N] [--general] [--each] [--headers-as-text] [NAME...]
// Pre-pass, parse, IR, specialise, optimise, generate and link of each kernel, compiled alone and cold, then one more
// specialisation of its parsed source. Median, spread (distance of the quartiles) and largest over the kernels; of several
// runs a kernel's fastest counts. A kernel that has a form for processors is compiled in that form, as the device does;
// with --general in the form for all devices. --each prints a line for every kernel as well. Kernels whose threads never
// meet and run as vectors all the same are compiled as plain loops too. Those that are specialised once more by writing numbers
// into the code that is there (docs/cpu-device.md, "Runtime constants") are left out in a table of the others.
// --headers-as-text: without the precompiled headers of kernels/.

#include "device/cpu/cpu_backend.hpp"
#include "msl/parsed_source.hpp"
#include "msl/prepass.hpp"
#include "registry/builtin_catalogue.hpp"
#include "registry/precompiled_kernels.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace anymetal;  // NOLINT(google-build-using-namespace): a program, not a header

constexpr const char* kSmall = R"(#include <metal_stdlib>
using namespace metal;
kernel void add(device const float* a [[buffer(0)]], device const float* b [[buffer(1)]], device float* o [[buffer(2)]],
                uint i [[thread_position_in_grid]]) { o[i] = a[i] + b[i]; }
)";

constexpr std::string_view kThreadsAsVectors = "threads as vectors";  // Artifact::execution_path

double milliseconds(const auto& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// What the library's own trace says of the stages inside a back end.
class Trace {
 public:
  Trace() : path_(std::filesystem::temp_directory_path() / fmt::format("anymetal_stages_{}.json", ::getpid())) {
    ::setenv("ANYMETAL_TRACE", path_.c_str(), 1);
  }
  ~Trace() { std::filesystem::remove(path_); }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// Milliseconds of the events since the last call, summed by stage.
  std::map<std::string, double> take() {
    std::ifstream in(path_);
    in.seekg(read_);
    std::map<std::string, double> sums;
    for (std::string line; std::getline(in, line);) {
      read_ += static_cast<std::streamoff>(line.size()) + 1;
      const auto name = line.find("\"name\":\"");
      const auto duration = line.find("\"dur\":");
      if (name == std::string::npos || duration == std::string::npos) continue;
      const auto end = line.find('"', name + 8);
      sums[line.substr(name + 8, end - name - 8)] += std::atof(line.c_str() + duration + 6) / 1000;
    }
    return sums;
  }

 private:
  std::filesystem::path path_;
  std::streamoff read_ = 0;
};

struct Stage {
  const char* name;
  double milliseconds = 0;
};
using Stages = std::vector<Stage>;

/// What a kernel took, and how its threads run.
struct Compiled {
  Stages stages;  ///< none where a stage refuses it
  std::string path;
  bool is_shared = false;  ///< whether one more specialisation took the code of the first
};

ConstantValue value_for(const msl::ConstantDeclaration& constant, int number) {
  switch (constant.type) {
    case ConstantType::Bool: return ConstantValue(number % 2 == 0);
    case ConstantType::Half: return ConstantValue::half(static_cast<float>(number));
    case ConstantType::Float: return ConstantValue(static_cast<float>(number));
    case ConstantType::Char: return ConstantValue(static_cast<std::int8_t>(number));
    case ConstantType::UChar: return ConstantValue(static_cast<std::uint8_t>(number));
    case ConstantType::Short: return ConstantValue(static_cast<std::int16_t>(number));
    case ConstantType::UShort: return ConstantValue(static_cast<std::uint16_t>(number));
    case ConstantType::UInt: return ConstantValue(static_cast<std::uint32_t>(number));
    case ConstantType::Long: return ConstantValue(static_cast<std::int64_t>(number));
    case ConstantType::ULong: return ConstantValue(static_cast<std::uint64_t>(number));
    case ConstantType::BFloat: return ConstantValue::bfloat(static_cast<float>(number));
    case ConstantType::Int: break;
  }
  return ConstantValue(static_cast<std::int32_t>(number));
}

std::vector<FunctionConstant> constants_for(const msl::EntryModule& entry, int number) {
  std::vector<FunctionConstant> constants;
  for (const auto& constant : entry.constants) {
    if (constant.components == 1) constants.push_back({constant.index, value_for(constant, number)});
  }
  return constants;
}

/// One kernel from its text to code that can be called.
Compiled compile(const msl::SourceRequest& request, device::Backend& backend, Trace& trace) {
  const std::string& name = request.name;
  (void)trace.take();
  Stages stages;
  stages.push_back({"pre-pass (part of parse)", milliseconds([&] { (void)msl::prepass(request.text); })});
  std::shared_ptr<const msl::ParsedSource> source;
  stages.push_back({"parse", milliseconds([&] {
                      if (auto parsed = msl::ParsedSource::parse(request)) source = *parsed;
                    })});
  if (!source) return {};
  std::shared_ptr<const msl::EntryModule> entry;
  stages.push_back({"IR", milliseconds([&] {
                      if (auto made = source->entry(name)) entry = *made;
                    })});
  if (!entry) return {};
  bool is_done = true;
  std::string path;
  const auto finish = [&](int number) {
    const auto constants = constants_for(*entry, number);
    Result<msl::SpecialisedKernel> kernel;
    const double specialise = milliseconds([&] { kernel = msl::specialise(*entry, constants); });
    if (!kernel) return is_done = false, Stages();
    Result<device::Artifact> artifact;
    const double compile = milliseconds([&] { artifact = backend.compile(std::move(*kernel), name); });
    if (!artifact) return is_done = false, Stages();
    path = artifact->execution_path;
    const double load = milliseconds([&] { is_done = is_done && backend.load(*artifact, name).has_value(); });
    auto inside = trace.take();
    return Stages{{"specialise", specialise},
                  {"way of running", compile - inside["optimise"] - inside["generate"]},
                  {"optimise", inside["optimise"]},
                  {"generate", inside["generate"]},
                  {"link", load}};
  };
  const Stages first = finish(4);
  double cold = stages[1].milliseconds + stages[2].milliseconds;
  for (const Stage& s : first) {
    stages.push_back(s);
    cold += s.milliseconds;
  }
  stages.push_back({"front end (parse, IR)", stages[1].milliseconds + stages[2].milliseconds});
  stages.push_back({"cold, text to callable", cold});
  double again = 0;
  bool is_shared = false;
  for (const Stage& s : finish(8)) {
    again += s.milliseconds;
    if (s.name == std::string_view("generate")) is_shared = s.milliseconds == 0;
  }
  stages.push_back({"one more specialisation", again});
  return {is_done ? stages : Stages(), path, is_shared};
}

/// The file with the form of a kernel that the device takes.
std::uint32_t file_of(const registry::BuiltinKernel& kernel, std::string_view variants) {
  for (const auto& variant : registry::builtin_variants()) {
    if (variant.device == variants && variant.name == kernel.name) return variant.file;
  }
  return kernel.file;
}

void keep_fastest(Stages& best, const Stages& next) {
  if (best.empty()) best = next;
  for (std::size_t i = 0; i < next.size(); ++i) best[i].milliseconds = std::min(best[i].milliseconds, next[i].milliseconds);
}

void print_one(std::string_view name, const Stages& stages) {
  fmt::print("{:<60}", name);
  for (const Stage& stage : stages) fmt::print(" {:>8.2f}", stage.milliseconds);
  fmt::print("\n");
}

void print(const std::vector<Stages>& kernels) {
  if (kernels.empty()) return;
  fmt::print("{:<28} {:>9} {:>9} {:>9}   ms, {} kernels\n", "stage", "median", "spread", "largest", kernels.size());
  for (std::size_t stage = 0; stage < kernels[0].size(); ++stage) {
    std::vector<double> times;
    for (const Stages& k : kernels) times.push_back(k[stage].milliseconds);
    std::ranges::sort(times);
    const auto quantile = [&](std::size_t quarter) { return times[(times.size() - 1) * quarter / 4]; };
    fmt::print("{:<28} {:>9.2f} {:>9.2f} {:>9.2f}\n", kernels[0][stage].name, quantile(2), quantile(3) - quantile(1), times.back());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t every = 1;
  int runs = 1;
  bool general = false;
  bool each = false;
  bool as_text = false;
  std::vector<std::string_view> wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--every" && i + 1 < argc) every = std::max<std::size_t>(1, std::strtoull(argv[++i], nullptr, 10));
    else if (word == "--runs" && i + 1 < argc) runs = std::max(1, std::atoi(argv[++i]));
    else if (word == "--general") general = true;
    else if (word == "--each") each = true;
    else if (word == "--headers-as-text") as_text = true;
    else wanted.push_back(word);
  }
  Trace trace;
  const auto backend = device::cpu::make_cpu_backend({1, std::nullopt});
  if (!backend) return fmt::print(stderr, "{}\n", backend.error().message()), 1;
  // A device for each run: it keeps code for further specialisations.
  const auto measure = [&](std::optional<bool> lanes, const msl::SourceRequest& request) {
    Compiled best;
    for (int run = 0; run < runs; ++run) {
      const auto device = device::cpu::make_cpu_backend({1, lanes});
      if (!device) return Compiled{};
      const Compiled next = compile(request, **device, trace);
      keep_fastest(best.stages, next.stages);
      best.path = next.path;
      best.is_shared = next.is_shared;
    }
    return best;
  };
  const msl::SourceRequest small{"add", kSmall, {}};
  (void)compile(small, **backend, trace);  // what is done once a process
  fmt::print("a small kernel, `add`:\n");
  print({measure(std::nullopt, small).stages});

  msl::SourceRequest request;
  if (!as_text) {
    const auto headers = registry::precompiled_kernels(msl::Target::Host);
    if (!headers) return fmt::print(stderr, "{}\n", headers.error().message()), 1;
    request.precompiled = *headers;
  }
  for (const auto& header : registry::builtin_headers()) request.options.include_files.emplace_back(header.name, header.text);
  std::vector<Stages> kernels, as_vectors, as_loops, unshared;
  std::size_t refused = 0;
  const auto catalogue = registry::builtin_kernels();
  for (std::size_t i = 0; i < catalogue.size(); ++i) {
    const auto& kernel = catalogue[i];
    if (wanted.empty() ? i % every != 0 : std::ranges::find(wanted, kernel.name) == wanted.end()) continue;
    const std::uint32_t file = file_of(kernel, general ? "" : (*backend)->kernel_variants());
    request.text = registry::builtin_files()[file].text;
    request.name = kernel.name;
    auto [stages, path, is_shared] = measure(std::nullopt, request);
    if (path == kThreadsAsVectors && !stages.empty()) {
      as_vectors.push_back(stages);
      as_loops.push_back(measure(false, request).stages);
    }
    if (!stages.empty() && !is_shared) unshared.push_back(stages);
    if (each && !stages.empty()) print_one(kernel.name, stages);
    if (stages.empty()) ++refused;
    else kernels.push_back(std::move(stages));
  }
  fmt::print("\nthe catalogue:\n");
  print(kernels);
  if (unshared.size() < kernels.size()) {
    fmt::print("\nthose of them that are compiled for one more specialisation:\n");
    print(unshared);
  }
  if (!as_vectors.empty()) {
    fmt::print("\nthose of them whose threads never meet and run as vectors:\n");
    print(as_vectors);
    fmt::print("\nthe same as plain loops:\n");
    print(as_loops);
  }
  if (refused != 0) fmt::print("{} kernels take no such constants\n", refused);
  return kernels.empty() ? 1 : 0;
}
