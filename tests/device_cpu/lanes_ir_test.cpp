// IR in, IR out: every file of lanes/<pass>/*.ll is a kernel and says in FileCheck's form what that pass must make of
// it.
//
//     ; RUN: WHAT[/ROWS] [CPU [PREFIX]]
//
// asks for what the lines after PREFIX (CHECK) are compared with, made for CPU (x86-64-v4; TRIPLE:CPU where not x86) and
// threads in ROWS: 32, 16 or 8 for multiples of that many, ends16 and so on for any; 32x2 for two simdgroups beside each other
// that run as one, 16y4 for four rows that do, group32x2 and so on where they are the whole threadgroup:
//     order      the blocks in the order in which lanes pass through them
//     shapes     every value and block with how it differs between lanes
//     lanes      the functions that run a simdgroup, and what they call
//     merged     the thread that does the work of several
//     obstacle   why the lanes path does not take the kernel

#include <gtest/gtest.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "device/cpu/lane_merging.hpp"
#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/lanes_path.hpp"
#include "device/cpu/thread_flow.hpp"
#include "prepared_thread.hpp"
#include "support/file_check.hpp"

namespace anymetal::test {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ANYMETAL_SOURCE_DIR;
const fs::path kFolder = kRoot / "tests/device_cpu/lanes";

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::string print_order(const PreparedThread& prepared) {
  std::string text;
  for (const auto* block : device::cpu::ThreadFlow(*prepared.thread.function).order)
    text += block->getName().str() + "\n";
  return text;
}

std::string print_shapes(const PreparedThread& prepared, const device::cpu::LaneRows& rows) {
  using Kind = device::cpu::Shape::Kind;
  const device::cpu::ThreadFlow flow(*prepared.thread.function);
  const device::cpu::LaneShapes shapes(prepared.thread, flow, rows);
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const auto* block : flow.order) {
    out << block->getName() << ':' << (shapes.is_partial(block) ? " partial" : "") << '\n';
    for (const auto& instruction : *block) {
      const auto shape = shapes.of(&instruction);
      if (instruction.getType()->isVoidTy()) continue;
      out << "  " << instruction.getName() << ": ";
      out << (shape.is_uniform()              ? "uniform"
              : shape.kind == Kind::Linear    ? "linear " + std::to_string(shape.stride)
              : shape.kind == Kind::Divergent ? "divergent"
                                              : "unknown");
      out << (shape.conditional ? " conditional" : "") << (shapes.is_lane_number(&instruction) ? " lane" : "") << '\n';
    }
  }
  return text;
}

std::string print_lanes(const PreparedThread& prepared, const device::cpu::LaneRows& rows) {
  const auto code =
      device::cpu::emit_lanes_path(prepared.thread, "k", prepared.generator, {.rows = rows, .verify = true});
  if (!code) return "error: " + code.error().message();
  if (!code->obstacle.empty()) return "obstacle: " + code->obstacle;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "buffers: " << (code->largest_buffer == 0 ? "any" : "below 4 GiB") << '\n';
  const auto& module = *prepared.kernel.module;
  if (const auto* frame = llvm::StructType::getTypeByName(module.getContext(), "k.lanes.Frame"))
    out << "frame: " << *frame << '\n';
  for (const auto& function : module)
    if (!function.isDeclaration() &&
        (function.getName().starts_with("k.lanes") || function.getName().starts_with("lanes.")))
      out << function;
  return text;
}

std::string print_merged(const PreparedThread& prepared, const device::cpu::LaneRows& rows) {
  const device::cpu::ThreadFlow flow(*prepared.thread.function);
  if (const auto obstacle = device::cpu::merge_threads(prepared.thread, flow, rows); !obstacle.empty())
    return "obstacle: " + obstacle;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << *prepared.thread.function;
  return llvm::verifyFunction(*prepared.thread.function, &out) ? "broken: " + text : text;
}

std::string print_obstacle(const PreparedThread& prepared) {
  const auto code = device::cpu::emit_lanes_path(prepared.thread, "k", prepared.generator, {.verify = true});
  return code ? "obstacle: " + code->obstacle : "error: " + code.error().message();
}

std::string print(std::string what, std::string_view ir, const std::string& cpu) {
  device::cpu::LaneRows rows;
  if (const auto slash = what.find('/'); slash != std::string::npos) {
    auto wanted = what.substr(slash + 1);
    what.resize(slash);
    rows.whole = !wanted.starts_with("ends");
    if (!rows.whole) wanted.erase(0, 4);
    rows.is_group = wanted.starts_with("group");
    if (rows.is_group) wanted.erase(0, 5);
    for (auto [letter, merged] : {std::pair{'x', &rows.merged_x}, std::pair{'y', &rows.merged_y}})
      if (const auto at = wanted.find(letter); at != std::string::npos)
        *merged = static_cast<unsigned>(std::stoul(wanted.substr(at + 1)));
    rows.width = static_cast<unsigned>(std::stoul(wanted));
  }
  const auto triple = cpu.find(':') == std::string::npos ? "x86_64-linux-gnu:" : "";
  const auto prepared = prepare_as_written(ir, device::cpu::named_target(triple + cpu));
  if (what == "order") return print_order(prepared);
  if (what == "shapes") return print_shapes(prepared, rows);
  if (what == "merged") return print_merged(prepared, rows);
  if (what == "lanes") return print_lanes(prepared, rows);
  if (what == "obstacle") return print_obstacle(prepared);
  return "RUN: asks for '" + what + "'";
}

/// One file.
class LanesIr : public testing::Test {
 public:
  explicit LanesIr(fs::path file) : file_(std::move(file)) {}
  void TestBody() override {
    const auto text = read(file_);
    std::istringstream lines(text);
    unsigned runs = 0;
    for (std::string line; std::getline(lines, line);) {
      constexpr std::string_view kRun = "; RUN: ";
      if (!line.starts_with(kRun)) continue;
      std::istringstream words(line.substr(kRun.size()));
      std::string what, cpu = "x86-64-v4", prefix = "CHECK";
      words >> what >> cpu >> prefix;
      const auto printed = print(what, text, cpu);
      EXPECT_EQ(file_check(printed, text, prefix), "") << line << '\n' << printed;
      ++runs;
    }
    EXPECT_GT(runs, 0u) << "no RUN: in " << file_;
  }

 private:
  fs::path file_;
};

/// The source files the path consists of.
std::set<std::string> passes() {
  std::set<std::string> names{"execution_order"};
  for (const auto& entry : fs::directory_iterator(kRoot / "src/device/cpu")) {
    const auto name = entry.path().stem().string();
    if (entry.path().extension() == ".cpp" && name.starts_with("lane")) names.insert(name);
  }
  return names;
}

TEST(LanesIrFiles, EveryPassHasSomeAndNothingElseDoes) {
  std::set<std::string> tested;
  for (const auto& folder : fs::directory_iterator(kFolder)) tested.insert(folder.path().filename());
  EXPECT_EQ(tested, passes());
}

const bool kRegistered = [] {
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder))
    if (entry.path().extension() == ".ll") files.insert(entry.path());
  for (const auto& file : files) {
    const auto name = file.parent_path().filename().string() + "_" + file.stem().string();
    testing::RegisterTest("LanesIr", name.c_str(), nullptr, nullptr, file.c_str(), __LINE__,
                          [file]() -> testing::Test* { return new LanesIr(file); });
  }
  return true;
}();

}  // namespace
}  // namespace anymetal::test
