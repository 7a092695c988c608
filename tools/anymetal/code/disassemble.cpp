#include "code/disassemble.hpp"

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Host.h>

#include <memory>

#include "device/cpu/llvm_targets.hpp"

namespace anymetal::cli {

namespace {

/// The parts of LLVM's machine-code layer that one disassembly needs, in the order of their dependencies.
struct Machine {
  std::unique_ptr<llvm::MCRegisterInfo> registers;
  std::unique_ptr<llvm::MCAsmInfo> syntax;
  std::unique_ptr<llvm::MCInstrInfo> instructions;
  std::unique_ptr<llvm::MCSubtargetInfo> features;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCDisassembler> disassembler;
  std::unique_ptr<llvm::MCInstPrinter> printer;
};

Result<Machine> machine_for(const llvm::Triple& triple) {
  device::cpu::register_llvm_targets();
  std::string message;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple.str(), message);
  if (target == nullptr) return fail(ErrorCode::InternalError, "cannot disassemble: " + message);
  Machine m;
  m.registers.reset(target->createMCRegInfo(triple.str()));
  m.syntax.reset(target->createMCAsmInfo(*m.registers, triple.str(), llvm::MCTargetOptions{}));
  m.instructions.reset(target->createMCInstrInfo());
  // Code for another kind of machine may use whatever that kind has.
  const bool own = triple.getArch() == llvm::Triple(llvm::sys::getProcessTriple()).getArch();
  m.features.reset(target->createMCSubtargetInfo(triple.str(), own ? llvm::sys::getHostCPUName() : "", own ? "" : "+all"));
  m.context = std::make_unique<llvm::MCContext>(triple, m.syntax.get(), m.registers.get(), m.features.get());
  m.disassembler.reset(target->createMCDisassembler(*m.features, *m.context));
  m.printer.reset(
      target->createMCInstPrinter(triple, m.syntax->getAssemblerDialect(), *m.syntax, *m.instructions, *m.registers));
  if (!m.disassembler || !m.printer)
    return fail(ErrorCode::InternalError, "LLVM has no disassembler for " + triple.str());
  return m;
}

void print_section(const Machine& machine, llvm::ArrayRef<std::uint8_t> bytes, llvm::raw_ostream& out) {
  for (std::uint64_t at = 0; at < bytes.size();) {
    llvm::MCInst instruction;
    std::uint64_t size = 0;
    const auto status = machine.disassembler->getInstruction(instruction, size, bytes.slice(at), at, llvm::nulls());
    size = std::max<std::uint64_t>(size, 1);
    if (status == llvm::MCDisassembler::Success) {
      machine.printer->printInst(&instruction, at, "", *machine.features, out);
      out << '\n';
    } else {
      out << "\t.byte\t" << static_cast<unsigned>(bytes[at]) << '\n';
    }
    at += size;
  }
}

}  // namespace

Result<std::string> disassemble(std::string_view object) {
  auto parsed =
      llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef({object.data(), object.size()}, "kernel"));
  if (!parsed) return fail(ErrorCode::InternalError, llvm::toString(parsed.takeError()));
  auto machine = machine_for((*parsed)->makeTriple());
  if (!machine) return std::unexpected(machine.error());
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const llvm::object::SectionRef& section : (*parsed)->sections()) {
    if (!section.isText() || section.getSize() == 0) continue;
    auto name = section.getName();
    auto content = section.getContents();
    if (!name || !content) {
      llvm::consumeError(name.takeError());
      llvm::consumeError(content.takeError());
      continue;
    }
    out << name->str() << ":\n";
    print_section(*machine, {content->bytes_begin(), content->size()}, out);
  }
  return text;
}

}  // namespace anymetal::cli
