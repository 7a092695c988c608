#pragma once
/// \file
/// The files a parse may see: the source itself, virtual include files, the include directories, the library headers.

#include "msl/column_map.hpp"
#include "msl/parsed_source.hpp"
#include "msl/precompiled_headers.hpp"
#include "msl/prepass.hpp"
#include "msl/text_file.hpp"

#include <llvm/ADT/IntrusiveRefCntPtr.h>
#include <llvm/Support/VirtualFileSystem.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::msl {

/// One file of the user's, as written and as the compiler sees it.
struct SourceFile {
  std::string original;
  std::string rewritten;
  ColumnMap columns;
  unsigned head_lines = 0;  ///< lines the compiler sees before the user's first
  std::vector<std::size_t> line_begins;  ///< offsets into `original`

  /// A line as the user wrote it (1-based), without its newline; empty where there is no such.
  [[nodiscard]] std::string line(unsigned number) const;
};

/// Owns every user file of one parse and presents them, pre-passed, as a file system. Nothing outside of the request's
/// files and include directories can be opened. Thread contract: one thread at a time.
class SourceFiles {
 public:
  SourceFiles(const SourceRequest& request, bool with_pch);
  ~SourceFiles();
  SourceFiles(const SourceFiles&) = delete;
  SourceFiles& operator=(const SourceFiles&) = delete;

  [[nodiscard]] llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> file_system() const { return file_system_; }
  /// The user file the compiler knows by this path; nullptr for library headers.
  [[nodiscard]] const SourceFile* find(std::string_view path) const;
  /// Whether find() has it, without reading it.
  [[nodiscard]] bool is_users(std::string_view path) const;
  /// The precompiled file to start from; empty: none.
  [[nodiscard]] std::string_view pch() const;
  /// What the request's precompiled headers know of this path; nullptr where it is not in them, or they do not serve.
  [[nodiscard]] const PrecompiledHeaders::Header* precompiled(std::string_view path) const;
  /// The text includes this path. Precompiled headers are not read then, but are dependencies all the same.
  void add_included(std::string_view path);
  /// Names of the files read from include directories and include_files, sorted.
  [[nodiscard]] std::vector<std::string> dependencies() const;

  /// What was looked for in the include directories, sorted by path.
  [[nodiscard]] std::vector<FileDependency> file_dependencies() const;
  /// Nothing was found at this path of an include directory.
  void add_absent(std::string path) { absent_.insert(std::move(path)); }

  /// Where included files are looked for, for messages.
  [[nodiscard]] const std::string& searched() const { return searched_; }

  /// Pre-passes and keeps a file; the reference stays valid.
  const SourceFile& add(std::string path, std::string text, std::string_view head = {}, unsigned head_lines = 0);

 private:
  SourceFile prepassed(std::string text, std::string_view head, unsigned head_lines) const;

  LateConstants constants_;
  const bool with_pch_;
  const PrecompiledHeaders* const precompiled_;  ///< nullptr where the request has none that serve
  mutable std::map<std::string, SourceFile, std::less<>> files_;  ///< precompiled headers as they are asked for
  std::set<std::string, std::less<>> included_;  ///< names of precompiled headers
  std::set<std::string> absent_;
  std::string searched_ = "the given include files";
  llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> file_system_;
};

}  // namespace anymetal::msl
