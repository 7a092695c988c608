#include "device/cpu/processor_features.hpp"

#include <llvm/ADT/SmallVector.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/AArch64TargetParser.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>
#include <llvm/TargetParser/X86TargetParser.h>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <algorithm>
#include <vector>

namespace anymetal::device::cpu {
namespace {

/// Vectors of a length that is known when code runs are not used: kernels are made of vectors of 16 and 32 elements.
void leave_out_scalable_vectors(Features& features) {
  for (const char* name : {"sve", "sve2", "sme"}) features[name] = false;
}

/// AVX2's gathers, though LLVM calls few of them fast: eight words take 8 ns on a Zen 3, one after the other out of
/// their places in memory 22.
void gather_by_avx2(Features& features) {
  const bool has_wider = std::ranges::any_of(
      features, [](const auto& feature) { return feature.second && feature.first.starts_with("avx512"); });
  const auto found = features.find("avx2");
  if (found != features.end() && found->second && !has_wider) features["fast-gather"] = true;
}

}  // namespace

Features features_of_this_processor() {
  Features features;
#if defined(__aarch64__) && defined(__linux__)
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  const auto has = [](unsigned long word, unsigned long bits) { return (word & bits) == bits; };
  features["fp-armv8"] = has(first, HWCAP_FP);
  features["neon"] = has(first, HWCAP_ASIMD);
  features["crc"] = has(first, HWCAP_CRC32);
  features["lse"] = has(first, HWCAP_ATOMICS);
  features["fullfp16"] = has(first, HWCAP_FPHP | HWCAP_ASIMDHP);
  features["fp16fml"] = has(first, HWCAP_ASIMDFHM);
  features["rdm"] = has(first, HWCAP_ASIMDRDM);
  features["jsconv"] = has(first, HWCAP_JSCVT);
  features["complxnum"] = has(first, HWCAP_FCMA);
  features["rcpc"] = has(first, HWCAP_LRCPC);
  features["rcpc-immo"] = has(first, HWCAP_ILRCPC);
  features["lse2"] = has(first, HWCAP_USCAT);
  features["flagm"] = has(first, HWCAP_FLAGM);
  features["dotprod"] = has(first, HWCAP_ASIMDDP);
  features["fptoint"] = has(second, HWCAP2_FRINT);
  features["i8mm"] = has(second, HWCAP2_I8MM);
  features["bf16"] = has(second, HWCAP2_BF16);
  leave_out_scalable_vectors(features);
#else
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) features[feature.getKey().str()] = feature.getValue();
  gather_by_avx2(features);
#endif
  return features;
}

Features features_of(const std::string& triple, const std::string& cpu) {
  Features features;
  const llvm::Triple machine(triple);
  if (machine.isX86()) {
    llvm::SmallVector<llvm::StringRef> names;
    if (llvm::X86::parseArchX86(cpu) != llvm::X86::CK_None) llvm::X86::getFeaturesForCPU(cpu, names);
    for (const auto& name : names) features[name.str()] = true;
    gather_by_avx2(features);
  } else if (machine.isAArch64()) {
    std::vector<llvm::StringRef> names;
    if (const auto known = llvm::AArch64::parseCpu(cpu))
      llvm::AArch64::getExtensionFeatures(known->getImpliedExtensions(), names);
    for (auto name : names)
      if (name.consume_front("+")) features[name.str()] = true;
    leave_out_scalable_vectors(features);
  }
  return features;
}

std::string as_text(const Features& features) {
  std::string text;
  for (const auto& [name, present] : features)
    text += (text.empty() ? "" : ",") + std::string(present ? "+" : "-") + name;
  return text;
}

}  // namespace anymetal::device::cpu
