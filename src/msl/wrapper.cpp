#include "msl/wrapper.hpp"

#include "msl/thread_inputs.hpp"
#include "msl/value_types.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/ExprCXX.h>
#include <clang/Sema/EnterExpressionEvaluationContext.h>
#include <clang/Sema/Lookup.h>
#include <clang/Sema/Sema.h>

#include <cctype>

namespace anymetal::msl {
namespace {

class WrapperBuilder {
 public:
  WrapperBuilder(Compilation& compilation, const KernelName& kernel, const KernelSignature& signature)
      : sema_(compilation.sema()), ast_(compilation.ast()), kernel_(kernel), signature_(signature), at_(kernel.function->getLocation()) {}

  clang::FunctionDecl* run() {
    clang::FunctionDecl* wrapper = declare();
    const clang::Sema::ContextRAII context(sema_, wrapper);
    const clang::EnterExpressionEvaluationContext evaluated(sema_, clang::Sema::ExpressionEvaluationContext::PotentiallyEvaluated);
    llvm::SmallVector<clang::Expr*, 16> arguments;
    for (unsigned i = 0, bound = 0; i < kernel_.function->getNumParams(); ++i) {
      const ParameterSource& source = signature_.parameters[i];
      const clang::QualType type = kernel_.function->getParamDecl(i)->getType();
      const auto value = source.input.empty() ? argument(*wrapper->getParamDecl(bound++), type, source.guard) : input(source.input, type);
      if (value.isInvalid()) return nullptr;
      arguments.push_back(value.get());
    }
    clang::Expr* callee = sema_.BuildDeclRefExpr(kernel_.function, kernel_.function->getType(), clang::VK_LValue, at_);
    const clang::ExprResult call = sema_.BuildCallExpr(nullptr, callee, at_, arguments, at_);
    if (call.isInvalid()) return nullptr;
    clang::Stmt* statement = sema_.MaybeCreateExprWithCleanups(call.get());
    wrapper->setBody(clang::CompoundStmt::Create(ast_, statement, clang::FPOptionsOverride(), at_, at_));
    return wrapper;
  }

 private:
  clang::FunctionDecl* declare() {
    const std::string symbol = entry_symbol(kernel_.name);
    const std::size_t count = signature_.reflection.arguments.size();
    const llvm::SmallVector<clang::QualType, 16> types(count, ast_.VoidPtrTy);
    const clang::QualType type = ast_.getFunctionType(ast_.VoidTy, types, clang::FunctionProtoType::ExtProtoInfo());
    auto* wrapper = clang::FunctionDecl::Create(ast_, ast_.getTranslationUnitDecl(), at_, at_, clang::DeclarationName(&ast_.Idents.get(symbol)),
                                                type, ast_.getTrivialTypeSourceInfo(type, at_), clang::SC_None);
    wrapper->addAttr(clang::AsmLabelAttr::CreateImplicit(ast_, symbol, true));
    llvm::SmallVector<clang::ParmVarDecl*, 16> parameters;
    for (std::size_t i = 0; i < count; ++i) {
      auto* parameter = clang::ParmVarDecl::Create(ast_, wrapper, at_, at_, &ast_.Idents.get(signature_.reflection.arguments[i].name),
                                                   ast_.VoidPtrTy, ast_.getTrivialTypeSourceInfo(ast_.VoidPtrTy, at_), clang::SC_None, nullptr);
      parameter->setScopeInfo(0, static_cast<unsigned>(i));
      parameters.push_back(parameter);
    }
    wrapper->setParams(parameters);
    return wrapper;
  }

  /// `(T*)p` or `*(T*)p`, with `p` replaced by `is_defined(&guard) && guard ? p : nullptr` where there is a guard.
  clang::ExprResult argument(clang::ParmVarDecl& pointer, clang::QualType type, clang::VarDecl* guard) {
    clang::ExprResult value = sema_.BuildDeclRefExpr(&pointer, ast_.VoidPtrTy, clang::VK_LValue, at_);
    if (guard != nullptr) {
      const clang::ExprResult condition = is_active(*guard);
      if (condition.isInvalid()) return condition;
      clang::Expr* null = new (ast_) clang::CXXNullPtrLiteralExpr(ast_.NullPtrTy, at_);
      value = sema_.ActOnConditionalOp(at_, at_, condition.get(), value.get(), null);
      if (value.isInvalid()) return value;
    }
    const bool is_reference = type->isReferenceType();
    const clang::QualType pointer_type = is_reference ? ast_.getPointerType(type->getPointeeType()) : type;
    value = sema_.BuildCStyleCastExpr(at_, ast_.getTrivialTypeSourceInfo(pointer_type, at_), at_, value.get());
    if (value.isInvalid() || !is_reference) return value;
    return sema_.CreateBuiltinUnaryOp(at_, clang::UO_Deref, value.get());
  }

  clang::ExprResult is_active(clang::VarDecl& guard) {
    const auto reference = [&] { return sema_.BuildDeclRefExpr(&guard, guard.getType().getNonReferenceType(), clang::VK_LValue, at_); };
    const clang::ExprResult address = sema_.CreateBuiltinUnaryOp(at_, clang::UO_AddrOf, reference());
    if (address.isInvalid()) return address;
    const clang::ExprResult defined = call("__msl_is_function_constant_defined", address.get());
    if (defined.isInvalid()) return defined;
    return sema_.CreateBuiltinBinOp(at_, clang::BO_LAnd, defined.get(), reference());
  }

  clang::ExprResult input(const std::string& name, clang::QualType type) {
    const auto value = value_type(type);
    if (!value) return clang::ExprError();
    llvm::SmallVector<clang::Expr*, 3> components;
    for (unsigned dim = 0; dim < value->components; ++dim) {
      auto* index = clang::IntegerLiteral::Create(ast_, llvm::APInt(32, dim), ast_.UnsignedIntTy, at_);
      const clang::ExprResult component = call("__msl_input_" + name, index);
      if (component.isInvalid()) return component;
      const clang::ExprResult converted = sema_.BuildCStyleCastExpr(at_, ast_.getTrivialTypeSourceInfo(value->element, at_), at_, component.get());
      if (converted.isInvalid()) return converted;
      components.push_back(converted.get());
    }
    if (value->components == 1) return components[0];
    return sema_.BuildCXXTypeConstructExpr(ast_.getTrivialTypeSourceInfo(type.getUnqualifiedType(), at_), at_, components, at_, false);
  }

  clang::ExprResult call(const std::string& function, clang::Expr* argument) {
    clang::LookupResult found(sema_, clang::DeclarationName(&ast_.Idents.get(function)), at_, clang::Sema::LookupOrdinaryName);
    sema_.LookupQualifiedName(found, ast_.getTranslationUnitDecl());
    auto* declaration = found.getAsSingle<clang::FunctionDecl>();
    if (declaration == nullptr) return clang::ExprError();
    clang::Expr* callee = sema_.BuildDeclRefExpr(declaration, declaration->getType(), clang::VK_LValue, at_);
    return sema_.BuildCallExpr(nullptr, callee, at_, argument, at_);
  }

  clang::Sema& sema_;
  clang::ASTContext& ast_;
  const KernelName& kernel_;
  const KernelSignature& signature_;
  clang::SourceLocation at_;
};

}  // namespace

std::string entry_symbol(std::string_view kernel_name) {
  std::string symbol = "__msl_entry_";
  for (const char c : kernel_name) symbol.push_back(std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_');
  return symbol;
}

clang::FunctionDecl* build_wrapper(Compilation& compilation, const KernelName& kernel, const KernelSignature& signature) {
  clang::FunctionDecl* wrapper = WrapperBuilder(compilation, kernel, signature).run();
  if (wrapper == nullptr && !compilation.has_errors()) {
    compilation.report(clang::DiagnosticsEngine::Error, kernel.location, "no entry could be built for kernel '" + kernel.name + "'");
  }
  return wrapper;
}

}  // namespace anymetal::msl
