#pragma once
/// \file
/// Address spaces behind member functions, `T sum() const device;`: the space of the object they are called on.

#include <clang/AST/Type.h>
#include <llvm/ADT/DenseMap.h>

#include <utility>
#include <vector>

namespace clang {
class CXXMethodDecl;
class CompilerInstance;
class TargetInfo;
class Token;
class TypeSourceInfo;
}  // namespace clang

namespace anymetal::msl {

/// Makes every address space the target's space 0, while types stay different.
void erase_target_spaces(clang::TargetInfo& target);

/// Clang reads these qualifiers on member functions in every language but understands them in OpenCL C++ only. Where
/// one is seen this language is switched on for the one declarator, and the space it has put on the function replaced
/// by that of pointers (docs/address-spaces.md). A function qualified with `thread` gets that annotation.
class MethodSpaces {
 public:
  explicit MethodSpaces(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

  struct MethodType {
    clang::QualType type;
    clang::TypeSourceInfo* source = nullptr;
  };

 private:
  void correct_methods();
  void await_definition();
  void correct_redeclared();

  /// How much of `template <>` the last tokens are; Declared until the declaration's body or end.
  enum class Specialisation { None, Template, Less, Declared };

  clang::CompilerInstance& instance_;
  Specialisation specialisation_ = Specialisation::None;
  bool after_parameters_ = false;  ///< the tokens so far are `)` and qualifiers
  bool is_pending_ = false;        ///< a member function with a space is being declared
  bool is_declared_ = false;       ///< and its declarator has ended
  llvm::DenseMap<clang::CXXMethodDecl*, MethodType> written_;                    ///< of those with another type by now
  std::vector<std::pair<clang::CXXMethodDecl*, MethodType>> redeclared_;  ///< that have the written type until the next token
  bool has_spaces_ = false;        ///< the class that is being read has such functions
};

}  // namespace anymetal::msl
