#include "msl/compilation.hpp"

#include "msl/aggregate_rules.hpp"
#include "msl/checks.hpp"
#include "msl/clang_invocation.hpp"
#include "msl/compile_guard.hpp"
#include "msl/component_assignments.hpp"
#include "msl/conditional_values.hpp"
#include "msl/constant_specifiers.hpp"
#include "msl/embedded_files.hpp"
#include "msl/float_literals.hpp"
#include "msl/given_constants.hpp"
#include "msl/library_macros.hpp"
#include "msl/method_spaces.hpp"
#include "msl/outside_subset.hpp"
#include "msl/preprocessor_limits.hpp"
#include "msl/sampling_names.hpp"
#include "msl/syntax_walk.hpp"
#include "msl/text_literals.hpp"
#include "msl/threadgroup_statics.hpp"

#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/ExternalASTSource.h>
#include <clang/Frontend/MultiplexConsumer.h>
#include <clang/Lex/PPCallbacks.h>
#include <clang/Lex/Preprocessor.h>
#include <clang/Parse/Parser.h>
#include <clang/Lex/PreprocessorOptions.h>
#include <clang/Sema/EnterExpressionEvaluationContext.h>
#include <clang/Sema/Sema.h>
#include <clang/Sema/TemplateInstCallback.h>

namespace anymetal::msl {
namespace {

/// The main file of a text that others go on from: theirs has another name.
constexpr std::string_view kPrefixFile = "/__msl/prefix.metal";

/// Keeps the declarations the parser hands over, and says which bodies it need not read.
class Recorder : public clang::ASTConsumer {
 public:
  explicit Recorder(std::vector<clang::Decl*>& declarations) : declarations_(declarations) {}
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* d : group) {
      if (d != nullptr && !d->isFromASTFile()) declarations_.push_back(d);  // one with errors may be none
    }
    return true;
  }
  bool shouldSkipFunctionBody(clang::Decl* d) override {
    const clang::FunctionDecl* function = d == nullptr ? nullptr : d->getAsFunction();
    return function != nullptr && is_outside_subset(*function);
  }
  void HandleTagDeclDefinition(clang::TagDecl* tag) override {
    const clang::SourceManager& sources = tag->getASTContext().getSourceManager();
    auto* record = llvm::dyn_cast<clang::CXXRecordDecl>(tag);
    if (record != nullptr && !is_library_text(sources, sources.getFileLoc(record->getLocation()))) apply_older_aggregate_rule(*record);
  }

 private:
  std::vector<clang::Decl*>& declarations_;
};

/// Tells the files which of them the text includes.
class InclusionWatch : public clang::PPCallbacks {
 public:
  explicit InclusionWatch(SourceFiles& files) : files_(files) {}
  void InclusionDirective(clang::SourceLocation, const clang::Token&, llvm::StringRef, bool, clang::CharSourceRange, clang::OptionalFileEntryRef file,
                          llvm::StringRef, llvm::StringRef, const clang::Module*, bool, clang::SrcMgr::CharacteristicKind) override {
    if (file) files_.add_included(std::string_view(file->getName()));
  }

 private:
  SourceFiles& files_;
};

/// Lets a step that has used up its time or memory end where a template is instantiated, and corrects what is instantiated.
class InstantiationWatch : public clang::TemplateInstantiationCallback {
 public:
  void initialize(const clang::Sema&) override {}
  void finalize(const clang::Sema&) override {}
  void atTemplateBegin(const clang::Sema& sema, const clang::Sema::CodeSynthesisContext& instance) override {
    checkpoint();
    if (instance.Kind == clang::Sema::CodeSynthesisContext::TemplateInstantiation) component_assignments_(sema.getASTContext(), instance.Entity);
  }
  void atTemplateEnd(const clang::Sema&, const clang::Sema::CodeSynthesisContext&) override {}

 private:
  ComponentAssignments component_assignments_;
};

/// Whether an unrolling pragma has a count that is no literal. Clang 19 crashes where it instantiates a template with errors
/// in that count, or in what the count names.
bool has_computed_loop_hint(clang::DeclGroupRef group) {
  class Finder : public SyntaxWalk {
   public:
    bool is_found = false;
    bool visit_statement(clang::Stmt* s) override {
      const auto* statement = llvm::dyn_cast<clang::AttributedStmt>(s);
      if (statement == nullptr) return true;
      for (const clang::Attr* attribute : statement->getAttrs()) {
        const auto* hint = llvm::dyn_cast<clang::LoopHintAttr>(attribute);
        const clang::Expr* count = hint == nullptr ? nullptr : hint->getValue();
        is_found = is_found || (count != nullptr && !llvm::isa<clang::IntegerLiteral>(count->IgnoreParenImpCasts()));
      }
      return !is_found;
    }
  } finder;
  for (clang::Decl* d : group) finder.walk(d);
  return finder.is_found;
}

/// Parses to the end of the file and leaves everything alive.
class ParseAction : public clang::ASTFrontendAction {
 public:
  ParseAction(std::vector<clang::Decl*>& declarations, TokenCheck& tokens, const std::optional<ConstantBinding>& binding, SourceFiles& files,
              const Compilation::Listener& listener)
      : declarations_(declarations), tokens_(tokens), binding_(binding), files_(files), listener_(listener) {}
  clang::TranslationUnitKind getTranslationUnitKind() override { return listener_ ? clang::TU_Prefix : clang::TU_Complete; }

 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& instance, llvm::StringRef) override {
    auto recorder = std::make_unique<Recorder>(declarations_);
    if (!listener_) return recorder;
    std::vector<std::unique_ptr<clang::ASTConsumer>> consumers;
    consumers.push_back(std::move(recorder));
    consumers.push_back(listener_(instance));
    return std::make_unique<clang::MultiplexConsumer>(std::move(consumers));
  }

  void ExecuteAction() override {
    clang::CompilerInstance& ci = getCompilerInstance();
    register_reserved_words(ci.getPreprocessor());
    LibraryMacros& library_macros = LibraryMacros::install(ci.getPreprocessor());
    ci.createSema(getTranslationUnitKind(), nullptr);
    clang::Sema& sema = ci.getSema();
    parser_ = std::make_unique<clang::Parser>(ci.getPreprocessor(), sema, true);  // bodies that the recorder does not want are skipped
    clang::Parser& parser = *parser_;
    sema.TemplateInstCallbacks.push_back(std::make_unique<InstantiationWatch>());
    ci.getPreprocessor().addPPCallbacks(std::make_unique<SamplingNames>(ci, files_));
    ci.getPreprocessor().addPPCallbacks(std::make_unique<InclusionWatch>(files_));
    MethodSpaces method_spaces(ci);
    ThreadgroupStatics threadgroup_statics(ci);
    ConditionalValues conditional_values(ci);
    FloatLiterals float_literals(ci.getPreprocessor());
    ConstantSpecifiers constant_specifiers;
    GivenConstants given_constants(ci, binding_);
    TextLiterals text_literals(ci);
    ci.getPreprocessor().setTokenWatcher([&](const clang::Token& token) {
      library_macros.token();
      tokens_(token);
      float_literals(token);
      constant_specifiers(token);
      method_spaces(token);
      threadgroup_statics(token);
      conditional_values(token);
      given_constants(token);
      text_literals(token);
    });
    ci.getPreprocessor().EnterMainSourceFile();
    if (auto* external = sema.getASTContext().getExternalSource()) external->StartTranslationUnit(&ci.getASTConsumer());
    parser.Initialize();
    const clang::EnterExpressionEvaluationContext evaluated(sema, clang::Sema::ExpressionEvaluationContext::PotentiallyEvaluated);
    clang::Parser::DeclGroupPtrTy group;
    clang::Sema::ModuleImportState imports;
    unsigned errors = 0;  // before the declaration that is read
    for (bool at_end = parser.ParseFirstTopLevelDecl(group, imports); !at_end; at_end = parser.ParseTopLevelDecl(group, imports)) {
      if (group) ci.getASTConsumer().HandleTopLevelDecl(group.get());
      const bool has_new_errors = ci.getDiagnosticClient().getNumErrors() > errors;
      if (group && has_new_errors && has_computed_loop_hint(group.get())) break;
      errors = ci.getDiagnosticClient().getNumErrors();
    }
    // The end of the file has taken it away; instantiations for an entry look builtins up in it.
    sema.TUScope = parser.getCurScope();
  }

 private:
  void EndSourceFileAction() override { parser_.reset(); }

  std::vector<clang::Decl*>& declarations_;
  TokenCheck& tokens_;
  const std::optional<ConstantBinding>& binding_;
  SourceFiles& files_;
  const Compilation::Listener listener_;
  std::unique_ptr<clang::Parser> parser_;  ///< owns the outermost scope
};

}  // namespace

Compilation::Compilation(const SourceRequest& request, const CompileLimits& limits)
    : options_(request.options), limits_(limits), target_(request.target), binding_(request.binding), files_(request, !embedded_pch(request.target).empty()), collector_(files_, [this] { return token_check_->last_place(); }) {
  token_check_ = std::make_unique<TokenCheck>(*this, limits.tokens);
}

void Compilation::parse(const Listener& listener) {
  instance_.createDiagnostics(&collector_, false);
  instance_.setInvocation(make_invocation(options_, limits_, target_, files_.pch(), instance_.getDiagnostics()));
  clang::ProcessWarningOptions(instance_.getDiagnostics(), instance_.getDiagnosticOpts(), false);
  instance_.getDiagnostics().setErrorLimit(options_.max_errors);
  // Whole type names: what two types have in common is part of the message.
  instance_.getDiagnostics().setElideType(false);
  instance_.createFileManager(files_.file_system());
  instance_.createSourceManager(instance_.getFileManager());
  if (files_.pch().empty()) instance_.getPreprocessorOpts().Includes.emplace_back(kPreludeFile);
  if (listener) instance_.getLangOpts().PCHInstantiateTemplates = true;  // once, not in every parse that goes on from there
  if (!instance_.createTarget()) return;
  erase_target_spaces(instance_.getTarget());
  auto action = std::make_unique<ParseAction>(declarations_, *token_check_, binding_, files_, listener);
  // Static, as a step that leaves Clang at its limits destroys nothing on its stack.
  static const clang::FrontendInputFile source(kMainFile, clang::InputKind(clang::Language::CXX)), prefix(kPrefixFile, clang::InputKind(clang::Language::CXX));
  if (listener) {
    const std::string& text = files_.find(kMainFile)->rewritten;
    instance_.getPreprocessorOpts().addRemappedFile(kPrefixFile, llvm::MemoryBuffer::getMemBuffer(text).release());
  }
  if (!action->BeginSourceFile(instance_, listener ? prefix : source)) return;
  action_ = std::move(action);
  instance_.getPreprocessor().addPPCallbacks(std::make_unique<PreprocessorLimits>(instance_.getPreprocessor(), limits_.tokens));
  instance_.getPreprocessor().addPPCallbacks(std::make_unique<PragmaCheck>(*this));
  if (llvm::Error failure = action_->Execute()) llvm::consumeError(std::move(failure));
  has_ast_ = true;
}

Compilation::~Compilation() {
  if (action_) action_->EndSourceFile();
}

bool Compilation::is_users(clang::SourceLocation location) const {
  if (location.isInvalid()) return false;
  const clang::SourceManager& sources = instance_.getSourceManager();
  const clang::FileID id = sources.getFileID(sources.getExpansionLoc(location));
  const auto [known, is_new] = user_files_.try_emplace(id, false);
  if (is_new) {
    const auto file = sources.getFileEntryRefForID(id);
    known->second = file && files_.is_users(std::string_view(file->getName()));
  }
  return known->second;
}

bool Compilation::is_librarys(clang::SourceLocation location) const {
  const clang::SourceManager& sources = instance_.getSourceManager();
  return is_library_text(sources, sources.getSpellingLoc(location));
}

unsigned Compilation::metal_version() const { return msl::metal_version(options_.language_standard); }

UserPosition Compilation::last_position() const {
  const clang::SourceLocation place = token_check_->last_place();
  return place.isInvalid() || !instance_.hasSourceManager() ? UserPosition() : user_position(instance_.getSourceManager(), place, files_);
}

std::vector<Diagnostic> Compilation::take_diagnostics() {
  instance_.getDiagnostics().Reset(true);
  return collector_.take();
}

void Compilation::report(clang::DiagnosticsEngine::Level level, clang::SourceLocation location, const std::string& message) {
  auto& engine = instance_.getDiagnostics();
  engine.Report(location, engine.getDiagnosticIDs()->getCustomDiagID(static_cast<clang::DiagnosticIDs::Level>(level), "%0")) << message;
}

void Compilation::restate(clang::SourceLocation old, clang::SourceLocation place, std::string message) {
  const clang::SourceManager& sources = instance_.getSourceManager();
  collector_.restate(user_position(sources, old, files_), user_position(sources, place, files_), std::move(message));
}

}  // namespace anymetal::msl
