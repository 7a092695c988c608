#include "msl/entry_codegen.hpp"

#include "msl/annotations.hpp"
#include "msl/call_modes.hpp"
#include "msl/constant_values.hpp"
#include "msl/given_constants.hpp"
#include "msl/ir_arguments.hpp"
#include "msl/ir_checks.hpp"
#include "msl/ir_cleanup.hpp"
#include "msl/ir_simplify.hpp"
#include "msl/ir_threadgroup.hpp"
#include "msl/math_mode.hpp"
#include "msl/outside_subset.hpp"
#include "msl/reachability.hpp"
#include "msl/use_places.hpp"
#include "msl/wrapper.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclCXX.h>
#include <clang/AST/Mangle.h>
#include <clang/CodeGen/ModuleBuilder.h>
#include <clang/Sema/Sema.h>
#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>

namespace anymetal::msl {
namespace {

/// Moves a kernel's `threadgroup` locals to static storage in the section the back ends look for.
void make_threadgroup_global(clang::ASTContext& ast, clang::VarDecl& variable, std::size_t number) {
  const std::string label = fmt::format("__msl_threadgroup_{}_{}", variable.getName().str(), number);
  variable.dropAttr<clang::AnnotateAttr>();
  variable.setStorageClass(clang::SC_Static);
  variable.setInit(nullptr);  // constructors do not run for threadgroup variables
  variable.addAttr(clang::SectionAttr::CreateImplicit(ast, kThreadgroupSection));
  variable.addAttr(clang::AsmLabelAttr::CreateImplicit(ast, label, true));
}

std::string mangled_name(clang::ASTContext& ast, const clang::VarDecl& variable) {
  const std::unique_ptr<clang::MangleContext> mangler(ast.createMangleContext());
  if (!mangler->shouldMangleDeclName(&variable)) return variable.getName().str();
  std::string name;
  llvm::raw_string_ostream out(name);
  mangler->mangleName(clang::GlobalDecl(&variable), out);
  return name;
}

/// Notes for specialisation where what is not defined is used.
void mark_undefined(Compilation& compilation, clang::CodeGenerator& generator, std::span<const Undefined> undefined) {
  const clang::SourceManager& sources = compilation.instance().getSourceManager();
  for (const auto& [declaration, use] : undefined) {
    const bool has_variants = llvm::isa<clang::CXXConstructorDecl, clang::CXXDestructorDecl>(declaration);
    if (has_variants || !compilation.is_users(declaration->getLocation()) || find_annotation(*declaration, "function_constant") != nullptr) continue;
    llvm::GlobalValue* generated = generator.GetModule()->getNamedValue(generator.GetMangledName(clang::GlobalDecl(llvm::cast<clang::NamedDecl>(declaration))));
    const UserPosition place = user_position(sources, use, compilation.files());
    const std::string text = fmt::format("{}\n{}\n{}\n{}", place.line, place.column, place.file, place.source_line);
    if (auto* function = llvm::dyn_cast_or_null<llvm::Function>(generated)) function->addFnAttr(kUsePlaceAttribute, text);
    if (auto* variable = llvm::dyn_cast_or_null<llvm::GlobalVariable>(generated)) variable->addAttribute(kUsePlaceAttribute, text);
  }
}

/// IR name of a guard or constant after cleanup.
std::string constant_symbol(clang::ASTContext& ast, clang::VarDecl& variable, std::span<const FunctionConstantVariable> constants) {
  for (const auto& constant : constants) {
    if (constant.variable->getCanonicalDecl() == variable.getCanonicalDecl()) return function_constant_symbol(constant.declaration.index);
  }
  return mangled_name(ast, variable);
}

/// What no function constant decides is done once for all specialisations: calls are inlined and simplified. Not where a
/// constant may decide what is called at all, in a circle or in a long program; and on NVIDIA's side not at all, where four
/// kernels of the catalogue become other PTX by it.
void inline_ahead(llvm::Module& module, const EntryModule& entry) {
  constexpr std::uint64_t kShort = 20'000;
  const llvm::Function* function = module.getFunction(entry.symbol);
  if (entry.target == Target::Nvptx || function == nullptr || !find_recursion(module).empty()) return;
  if (inlined_size(*function) > kShort) return;
  drop_traps(module);  // as a return from the function they stand in
  inline_calls_everywhere(module);
}

}  // namespace

std::optional<EntryModule> generate_entry(Compilation& compilation, const KernelName& kernel, Target target,
                                          std::span<const FunctionConstantVariable> constants) {
  clang::ASTContext& ast = compilation.ast();
  const KernelSignature signature = read_signature(compilation, kernel);
  if (compilation.has_errors()) return std::nullopt;
  clang::FunctionDecl* wrapper = build_wrapper(compilation, kernel, signature);
  if (wrapper == nullptr || compilation.has_errors()) return std::nullopt;
  Reachable reachable = find_reachable(compilation, wrapper);
  compilation.sema().PerformPendingInstantiations();
  report_outside_subset(compilation, reachable);
  if (compilation.binding() && compilation.binding()->others) report_filled_constants(compilation, reachable.functions, constants);
  if (compilation.has_errors() || reachable.is_broken) return std::nullopt;

  std::size_t number = 0;
  for (clang::VarDecl* variable : reachable.threadgroup_variables) make_threadgroup_global(ast, *variable, number++);

  llvm::LLVMContext context;
  clang::CompilerInstance& instance = compilation.instance();
  const std::unique_ptr<clang::CodeGenerator> generator(
      clang::CreateLLVMCodeGen(instance.getDiagnostics(), kernel.name, compilation.files().file_system(), instance.getHeaderSearchOpts(),
                               instance.getPreprocessorOpts(), instance.getCodeGenOpts(), context));
  instance.getLangOpts().SYCLIsDevice = false;  // else Clang generates nothing that no SYCL kernel calls
  generator->Initialize(ast);
  for (clang::FunctionDecl* function : reachable.functions) {
    if (compilation.is_users(function->getLocation())) mark_call_modes(ast, *function);
  }
  for (clang::VarDecl* variable : reachable.variables) generator->HandleTopLevelDecl(clang::DeclGroupRef(variable));
  for (clang::FunctionDecl* function : reachable.functions) generator->HandleTopLevelDecl(clang::DeclGroupRef(function));
  generator->HandleTranslationUnit(ast);
  instance.getLangOpts().SYCLIsDevice = true;
  if (generator->GetModule() != nullptr) {
    mark_undefined(compilation, *generator, reachable.undefined);
  }
  const std::unique_ptr<llvm::Module> module(generator->ReleaseModule());
  if (!module || compilation.has_errors()) return std::nullopt;

  EntryModule entry;
  entry.symbol = entry_symbol(kernel.name);
  entry.target = target;
  entry.is_bound = compilation.binding().has_value();
  entry.reflection = signature.reflection;
  for (const auto& constant : constants) {
    entry.constants.push_back(constant.declaration);
    name_function_constant(*module, mangled_name(ast, *constant.variable), constant.declaration.index);
  }
  for (const ParameterSource& source : signature.parameters) {
    if (!source.input.empty()) continue;
    entry.argument_guards.push_back(source.guard == nullptr ? std::string() : constant_symbol(ast, *source.guard, constants));
  }
  choose_math_functions(*module);
  describe_arguments(*module->getFunction(entry.symbol), entry.reflection.arguments, entry.argument_guards);
  clean_up(*module, entry.symbol);
  inline_ahead(*module, entry);
  llvm::raw_string_ostream out(entry.bitcode);
  llvm::WriteBitcodeToFile(*module, out);
  return entry;
}

}  // namespace anymetal::msl
