#include "device/cuda/nvptx_target.hpp"

#include <fmt/format.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CodeGen.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>

namespace anymetal::device::cuda {

namespace {

struct Known {
  unsigned capability;
  unsigned ptx;
  std::size_t shared_kilobytes;
};
// Architectures LLVM 19 generates code for, with the oldest PTX version that has all instructions used for them, and shared
// memory for a threadgroup by the CUDA programming guide's table of compute capabilities.
constexpr std::array kKnown{Known{70, 63, 96}, Known{72, 63, 96}, Known{75, 78, 64}, Known{80, 78, 163},
                            Known{86, 78, 99}, Known{87, 78, 163}, Known{89, 78, 99}, Known{90, 78, 227}};

constexpr int kDriverForWarpgroupProducts = 12000;

/// Code that runs on GPUs of compute capability `wanted` and newer ones.
Result<Architecture> forward_compatible(unsigned wanted) {
  if (wanted < kKnown.front().capability) {
    return fail(ErrorCode::UnsupportedByDevice,
                fmt::format("compute capability {}.{} is too old: anymetal needs 7.0 (Volta) or newer", wanted / 10, wanted % 10));
  }
  const auto best = std::find_if(kKnown.rbegin(), kKnown.rend(), [&](const Known& k) { return k.capability <= wanted; });
  return Architecture{best->capability, fmt::format("sm_{}", best->capability), fmt::format("+ptx{}", best->ptx), best->shared_kilobytes * 1024, false};
}

Architecture with_warpgroup_products(Architecture architecture) {
  architecture.name += 'a';
  architecture.ptx_feature = "+ptx80";
  architecture.has_warpgroup_products = true;
  return architecture;
}

}  // namespace

Result<Architecture> Architecture::for_capability(unsigned major, unsigned minor, int driver_version) {
  auto architecture = forward_compatible(major * 10 + minor);
  if (!architecture || major != 9 || minor != 0 || driver_version < kDriverForWarpgroupProducts) return architecture;
  return with_warpgroup_products(*std::move(architecture));
}

Result<Architecture> Architecture::parse(std::string_view text) {
  unsigned value = 0;
  std::string_view digits = text.starts_with("sm_") ? text.substr(3) : std::string_view();
  if (digits.ends_with('a')) digits.remove_suffix(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || value > 999) {
    return fail(ErrorCode::DeviceNotFound,
                fmt::format("'{}' is no NVIDIA architecture; give sm_70, sm_75, sm_80, sm_86, sm_89, sm_90, sm_90a or newer", text));
  }
  auto architecture = forward_compatible(value);
  if (!architecture || value != 90 || !text.ends_with('a')) return architecture;
  return with_warpgroup_products(*std::move(architecture));
}

Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine(const Architecture& architecture) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::string message;
  const char* triple = "nvptx64-nvidia-cuda";
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (target == nullptr) {
    return fail(ErrorCode::UnsupportedByDevice, fmt::format("this build of LLVM has no NVPTX back end: {}", message));
  }
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, architecture.name, architecture.ptx_feature, llvm::TargetOptions(),
                                  llvm::Reloc::Static, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (machine == nullptr) return fail(ErrorCode::InternalError, "LLVM refused to make an NVPTX target machine");
  return machine;
}

}  // namespace anymetal::device::cuda
