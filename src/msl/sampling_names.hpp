#pragma once
/// \file
/// What textures are sampled with, `level`, `bias` and others, is in `metal` where a file speaks of textures.

#include <clang/Lex/PPCallbacks.h>

#include "msl/source_files.hpp"

namespace clang {
class CompilerInstance;
}  // namespace clang

namespace anymetal::msl {

/// Sources of other kinds have variables of these names. From the first of the user's files on that mentions a texture,
/// `metal` has them.
class SamplingNames : public clang::PPCallbacks {
 public:
  SamplingNames(clang::CompilerInstance& compiler, const SourceFiles& files) : compiler_(compiler), files_(files) {}
  void FileChanged(clang::SourceLocation place, FileChangeReason reason, clang::SrcMgr::CharacteristicKind kind,
                   clang::FileID previous) override;

 private:
  void declare();

  clang::CompilerInstance& compiler_;
  const SourceFiles& files_;
  bool is_declared_ = false;
};

}  // namespace anymetal::msl
