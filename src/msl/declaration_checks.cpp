#include "msl/address_spaces.hpp"
#include "msl/annotations.hpp"
#include "msl/attribute_table.hpp"
#include "msl/checks.hpp"
#include "msl/component_checks.hpp"
#include "msl/given_constants.hpp"
#include "msl/syntax_walk.hpp"
#include "msl/thread_inputs.hpp"
#include "msl/value_types.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/AST/ExprCXX.h>
#include <clang/AST/RecordLayout.h>
#include <clang/AST/TypeLoc.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::msl {
namespace {

bool is_kernel(const clang::Decl& d) { return find_annotation(d, "kernel") != nullptr; }

/// Whether the user wrote a `*` or `&` here, as against a typedef, a template parameter or `auto`, and nothing that has a space of its own is
/// behind it: where a parameter is `device float*& p` or `device float* p[4]`, Apple's compiler takes the outer one to be in `thread`.
bool lacks_space(clang::TypeLoc type, const clang::ASTContext& ast) {
  type = type.IgnoreParens();
  while (const auto array = type.getAs<clang::ArrayTypeLoc>()) type = array.getElementLoc().IgnoreParens();
  while (const auto qualified = type.getAs<clang::QualifiedTypeLoc>()) type = qualified.getUnqualifiedLoc().IgnoreParens();
  clang::QualType pointee;
  if (const auto pointer = type.getAs<clang::PointerTypeLoc>()) pointee = pointer.getPointeeLoc().getType();
  if (const auto reference = type.getAs<clang::LValueReferenceTypeLoc>()) pointee = reference.getPointeeLoc().getType();
  while (!pointee.isNull() && !pointee.hasAddressSpace() && pointee->isArrayType())
    pointee = ast.getAsArrayType(pointee)->getElementType();
  if (pointee.isNull() || pointee.hasAddressSpace() || pointee->isFunctionType() || pointee->getContainedAutoType() != nullptr) return false;
  return !pointee->isPointerType() || !pointee->getPointeeType().hasAddressSpace();
}

bool lacks_space(const clang::DeclaratorDecl& d) {
  const clang::TypeSourceInfo* info = d.getTypeSourceInfo();
  return info != nullptr && !d.isImplicit() && lacks_space(info->getTypeLoc(), d.getASTContext());
}

constexpr std::string_view kFunctionPointers = "pointers to functions are not supported: indirect calls do not exist in Metal compute kernels";

class DeclarationVisitor : public SyntaxWalk {
 public:
  explicit DeclarationVisitor(Compilation& compilation) : compilation_(compilation), ast_(compilation.ast()), spaces_(compilation) {}

  bool VisitDecl(clang::Decl* d) {
    check_attributes(compilation_, *d);
    return true;
  }

  bool VisitFunctionTemplateDecl(clang::FunctionTemplateDecl* f) {
    for (const clang::FunctionDecl* instance : f->specializations()) {
      const clang::TemplateSpecializationKind kind = instance->getTemplateSpecializationKind();
      const bool is_asked_for = kind == clang::TSK_ExplicitInstantiationDeclaration || kind == clang::TSK_ExplicitInstantiationDefinition;
      if (is_asked_for) check_attributes(compilation_, *instance, f->getTemplatedDecl());
    }
    return true;
  }

  bool VisitFunctionDecl(clang::FunctionDecl* f) {
    check_result(*f);
    const auto* host_name = find_annotation(*f, "host_name");
    if (is_kernel(*f)) {
      if (!f->getReturnType()->isVoidType()) {
        error(f->getLocation(), fmt::format("invalid return type '{}' for a kernel: kernels return 'void'", type_spelling(ast_, f->getReturnType())));
      }
      if (f->isVariadic()) error(f->getEllipsisLoc(), "kernels cannot be variadic");
      if (llvm::isa<clang::CXXMethodDecl>(f)) error(f->getLocation(), "a kernel cannot be a member function");
    } else if (host_name != nullptr) {
      error(host_name->getLocation(), "only kernels have a 'host_name'");
    }
    if (f->isMain() || (f->getDeclContext()->isTranslationUnit() && f->getDeclName().isIdentifier() && f->getName() == "main")) {
      error(f->getLocation(), "no function may be called 'main' in Metal");
    }
    return true;
  }

  bool VisitLambdaExpr(clang::LambdaExpr* lambda) {
    constexpr unsigned kFirstWithLambdas = 320;
    if (compilation_.metal_version() < kFirstWithLambdas) {
      compilation_.report(clang::DiagnosticsEngine::Warning, lambda->getBeginLoc(), "lambda expressions need metal3.2");
    }
    return true;
  }

  bool VisitFieldDecl(clang::FieldDecl* field) {
    check_pointer(*field);
    check_packing(*field);
    check_length(*field);
    const std::string_view space = address_space(*field);
    if (!space.empty() && !is_indirect(field->getType())) error(field->getLocation(), fmt::format("a member cannot be in the {} address space by itself", space));
    return true;
  }

  bool VisitVarDecl(clang::VarDecl* variable) {
    if (variable->isImplicit() || variable->getType().isNull()) return true;
    const bool has_space = check_pointer(*variable);
    check_length(*variable);
    if (has_space) spaces_.variable(*variable);
    const clang::QualType type = variable->getType();
    // Which function a parameter means shows when its function is inlined.
    if (type->isFunctionPointerType() && !llvm::isa<clang::ParmVarDecl>(variable)) error(variable->getLocation(), std::string(kFunctionPointers));
    if (const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(variable)) {
      check_parameter(*parameter);
    } else if (variable->isFileVarDecl() && !variable->isStaticDataMember()) {
      check_program_scope(*variable);
    } else if (variable->isStaticDataMember()) {
      check_static_member(*variable);
    } else if (variable->isLocalVarDecl()) {
      check_local(*variable);
    }
    return true;
  }

  bool VisitCallExpr(clang::CallExpr* call) {
    const auto* callee = call->getDirectCallee();
    if (callee != nullptr && is_kernel(*callee) && !llvm::isa<clang::CXXOperatorCallExpr>(call)) {
      error(call->getBeginLoc(), fmt::format("a kernel cannot be called: '{}' is one", callee->getName().str()));
    }
    spaces_.call(*call);
    return true;
  }
  bool VisitCastExpr(clang::CastExpr* cast) {
    // What names a function, or a parameter that is one.
    constexpr std::array kSame = {clang::CK_FunctionToPointerDecay, clang::CK_BuiltinFnToFnPtr, clang::CK_LValueToRValue, clang::CK_NoOp, clang::CK_UserDefinedConversion};
    if (cast->getType()->isFunctionPointerType() && std::ranges::find(kSame, cast->getCastKind()) == kSame.end()) error(cast->getBeginLoc(), std::string(kFunctionPointers));
    return true;
  }
  bool VisitCXXConstructExpr(clang::CXXConstructExpr* e) {
    check_components(compilation_, *e);
    return spaces_.construction(*e), true;
  }
  bool VisitBinaryOperator(clang::BinaryOperator* e) { return spaces_.assignment(*e), spaces_.comparison(*e), true; }
  bool VisitReturnStmt(clang::ReturnStmt* s) { return spaces_.returned(*s), true; }
  bool VisitInitListExpr(clang::InitListExpr* e) { return spaces_.braces(*e), true; }
  bool VisitConditionalOperator(clang::ConditionalOperator* e) { return spaces_.choice(*e), true; }
  bool VisitExplicitCastExpr(clang::ExplicitCastExpr* e) { return spaces_.cast(*e), true; }
  bool VisitCXXConstructorDecl(clang::CXXConstructorDecl* c) {
    for (const clang::CXXCtorInitializer* initialiser : c->inits()) spaces_.member(*initialiser);
    return true;
  }

 private:
  using Self = DeclarationVisitor;
  bool visit_declaration(clang::Decl* d) override {
    return visit_as(*this, d, &Self::VisitDecl, &Self::VisitFunctionTemplateDecl, &Self::VisitFunctionDecl, &Self::VisitFieldDecl, &Self::VisitVarDecl,
                    &Self::VisitCXXConstructorDecl);
  }
  bool visit_statement(clang::Stmt* s) override {
    return visit_as(*this, s, &Self::VisitLambdaExpr, &Self::VisitCallExpr, &Self::VisitCastExpr, &Self::VisitCXXConstructExpr, &Self::VisitBinaryOperator,
                    &Self::VisitReturnStmt, &Self::VisitInitListExpr, &Self::VisitConditionalOperator, &Self::VisitExplicitCastExpr);
  }

  void error(clang::SourceLocation location, const std::string& message) {
    compilation_.report(clang::DiagnosticsEngine::Error, location, message);
  }

  static bool is_indirect(clang::QualType type) {
    while (const auto* array = type->getAsArrayTypeUnsafe()) type = array->getElementType();
    return type->isPointerType() || type->isReferenceType() || type->isDependentType() || type->isUndeducedType();
  }

  /// Whether it says its space, or needs none.
  bool check_pointer(const clang::DeclaratorDecl& d) {
    if (!lacks_space(d) || !address_space(d).empty()) return true;
    error(d.getLocation(), fmt::format("{} type must have an explicit address space qualifier: device, constant, threadgroup or thread",
                                       d.getType()->isReferenceType() ? "reference" : "pointer"));
    return false;
  }

  /// Results too say their space; operators' may be deduced from what they are of.
  void check_result(const clang::FunctionDecl& f) {
    const clang::FunctionTypeLoc type = f.getFunctionTypeLoc();
    const auto* prototype = f.getType()->getAs<clang::FunctionProtoType>();
    const bool is_behind =
        prototype != nullptr && prototype->hasTrailingReturn();  // where `thread` leaves no annotation
    if (!type || f.isImplicit() || is_behind || !address_space(f).empty()) return;
    if (lacks_space(type.getReturnLoc(), ast_)) {
      error(
          f.getLocation(),
          fmt::format("{} type must have an explicit address space qualifier: device, constant, threadgroup or thread",
                      f.getReturnType()->isReferenceType() ? "reference" : "pointer"));
    }
  }

  /// Atomics lie where several threads reach them.
  void check_atomic(const clang::VarDecl& variable) {
    const auto* record = ast_.getBaseElementType(variable.getType())->getAsCXXRecordDecl();
    if (record == nullptr || !record->getIdentifier() || record->getName() != "atomic" ||
        !compilation_.is_librarys(record->getLocation()))
      return;
    error(variable.getLocation(),
          fmt::format("'{}' is an atomic: it can only be in device or threadgroup memory", variable.getName().str()));
  }

  void check_length(const clang::DeclaratorDecl& d) {
    for (const auto* array = ast_.getAsConstantArrayType(d.getType()); array != nullptr; array = ast_.getAsConstantArrayType(array->getElementType())) {
      if (array->getSize().isZero()) return error(d.getLocation(), "arrays of no elements are not supported in Metal");
    }
  }

  /// A vector is read as a whole, from an address that its type promises: in a packed structure it may lie elsewhere.
  void check_packing(const clang::FieldDecl& field) {
    const clang::RecordDecl& record = *field.getParent();
    const bool is_packed = record.hasAttr<clang::PackedAttr>() || record.hasAttr<clang::MaxFieldAlignmentAttr>() || field.hasAttr<clang::PackedAttr>();
    if (!is_packed || record.isDependentType() || record.isInvalidDecl() || !record.isCompleteDefinition()) return;
    const clang::QualType type = ast_.getBaseElementType(field.getType());
    const std::string name = type_spelling(ast_, type);
    const bool is_vector = type->isRecordType() && type->getAsRecordDecl()->getIdentifier() &&
                           (type->getAsRecordDecl()->getName() == "vec" || type->getAsRecordDecl()->getName() == "matrix") && compilation_.is_librarys(type->getAsRecordDecl()->getLocation());
    if (!is_vector) return;
    const clang::ASTRecordLayout& layout = ast_.getASTRecordLayout(&record);
    const auto needed = static_cast<std::uint64_t>(ast_.getTypeAlignInChars(type).getQuantity());
    const std::uint64_t offset = layout.getFieldOffset(field.getFieldIndex()) / 8;
    if (offset % needed == 0 && static_cast<std::uint64_t>(layout.getAlignment().getQuantity()) % needed == 0) return;
    error(field.getLocation(), fmt::format("'{}' cannot lie at any address, as in this packed structure: it is read in one piece from a multiple of {}; a packed vector can", name, needed));
  }

  void check_parameter(const clang::ParmVarDecl& parameter) {
    check_atomic(parameter);
    const std::string_view space = address_space(parameter);
    const clang::QualType type = parameter.getOriginalType();
    if (space.empty() || space == "thread" || is_indirect(type) || type->isArrayType()) return;
    const auto* function = llvm::dyn_cast_or_null<clang::FunctionDecl>(parameter.getDeclContext());
    if (function != nullptr && !is_kernel(*function)) error(parameter.getLocation(), fmt::format("a parameter passed by value may not be qualified with '{}'", space));
  }

  void check_program_scope(clang::VarDecl& variable) {
    const auto* constant = find_annotation(variable, "function_constant");
    if (constant != nullptr && variable.hasInit() && !is_given(variable)) error(variable.getInit()->getBeginLoc(), "a function constant has no initialiser: its value comes with the pipeline");
    if (constant == nullptr) check_value(variable);
    if (address_space(variable) == "constant") return;
    if (find_thread_input(variable) != nullptr) return;  // the kernels that use it are refused
    if (address_space(variable) == "threadgroup") {
      error(variable.getLocation(), "threadgroup variables are declared in kernels only");
    } else if (type_spelling(ast_, variable.getType()) != "sampler") {
      error(variable.getLocation(), "program scope variable must reside in constant address space");
    }
  }

  /// One that nobody may write is like a constant, with or without the word.
  void check_static_member(const clang::VarDecl& variable) {
    const clang::QualType type = ast_.getBaseElementType(variable.getType());
    if (type.isConstQualified() || type->isReferenceType() || type->isDependentType() || address_space(variable) == "constant" || variable.isOutOfLine()) return;
    error(variable.getLocation(), "static members must reside in constant address space");
  }

  /// What the pre-pass has made external for the sake of a macro that then was no `function_constant`.
  void check_value(const clang::VarDecl& variable) {
    const clang::SourceManager& sources = ast_.getSourceManager();
    const bool is_external = variable.getStorageClass() == clang::SC_Extern && !variable.hasInit();
    if (!is_external || std::string_view(sources.getCharacterData(sources.getSpellingLoc(variable.getOuterLocStart()))).substr(0, 12) != "__msl_extern") return;
    const bool is_reported = std::ranges::any_of(variable.specific_attrs<clang::AnnotateAttr>(), [](const auto* attribute) {
      const std::string_view name = annotation_name(*attribute);
      return name.starts_with(kWrittenPrefix) && is_misspelt(name.substr(kWrittenPrefix.size()), closest_attribute(name.substr(kWrittenPrefix.size())));
    });
    if (!is_reported) error(variable.getLocation(), "a variable in the constant address space must be initialised");
  }

  void check_local(clang::VarDecl& variable) {
    if (const auto* array = ast_.getAsVariableArrayType(variable.getType())) check_extent(*array);
    if (is_threadgroup_variable(variable)) return check_threadgroup(variable);
    check_atomic(variable);
    const std::string_view space = address_space(variable);
    if (variable.isStaticLocal()) {
      if (space != "constant") error(variable.getLocation(), "local variables cannot be static in Metal");
    } else if ((space == "device" || space == "constant") && !is_indirect(variable.getType())) {
      error(variable.getLocation(), fmt::format("automatic variable qualified with the address space '{}'", space));
    }
  }

  void check_threadgroup(const clang::VarDecl& variable) {
    const auto* function = llvm::dyn_cast_or_null<clang::FunctionDecl>(variable.getParentFunctionOrMethod());
    if (function == nullptr || !is_kernel(*function)) {
      error(variable.getLocation(), "threadgroup variables are declared in kernels only");
      return;
    }
    const clang::Expr* init = variable.getInit();
    const bool is_written = init != nullptr && (init->getBeginLoc() != variable.getLocation() ||
                                                variable.getInitStyle() == clang::VarDecl::ListInit);
    if (is_written) error(variable.getLocation(), "a threadgroup variable cannot be initialised");
  }

  /// Extents may depend on function constants, which are constants by the time the kernel runs.
  void check_extent(const clang::VariableArrayType& array) {
    class ConstantsOnly : public SyntaxWalk {
     public:
      bool is_legal = true;
      bool visit_statement(clang::Stmt* s) override {
        const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(s);
        const auto* variable = reference == nullptr ? nullptr : llvm::dyn_cast<clang::VarDecl>(reference->getDecl());
        if (variable != nullptr && !variable->isFileVarDecl() && !variable->isConstexpr()) is_legal = false;
        return true;
      }
    } constants;
    constants.walk(array.getSizeExpr());
    if (!constants.is_legal) error(array.getSizeExpr()->getBeginLoc(), "variable-length arrays are not supported in Metal");
  }

  Compilation& compilation_;
  clang::ASTContext& ast_;
  SpaceCheck spaces_;
};

}  // namespace

void check_declarations(Compilation& compilation) {
  DeclarationVisitor visitor(compilation);
  for (clang::Decl* d : compilation.declarations()) {
    if (compilation.is_users(d->getLocation())) visitor.walk(d);
  }
}

}  // namespace anymetal::msl
