#include "msl/source_files.hpp"

#include "msl/clang_invocation.hpp"
#include "msl/embedded_files.hpp"
#include "msl/prepass.hpp"

#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/Path.h>

#include <algorithm>

namespace anymetal::msl {
namespace {

class TextFile : public llvm::vfs::File {
 public:
  TextFile(llvm::vfs::Status status, const std::string& text) : status_(std::move(status)), text_(text) {}
  llvm::ErrorOr<llvm::vfs::Status> status() override { return status_; }
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> getBuffer(const llvm::Twine& name, int64_t, bool, bool) override {
    return llvm::MemoryBuffer::getMemBuffer(text_, name.str());
  }
  std::error_code close() override { return {}; }

 private:
  llvm::vfs::Status status_;
  const std::string& text_;
};

/// Real files below the include directories, pre-passed as they are read.
class IncludeDirectories : public llvm::vfs::ProxyFileSystem {
 public:
  IncludeDirectories(SourceFiles& files, const std::vector<std::string>& directories)
      : ProxyFileSystem(llvm::vfs::createPhysicalFileSystem()), files_(files) {
    for (const std::string& directory : directories) allowed_.push_back(normalised(directory));
  }

  llvm::ErrorOr<llvm::vfs::Status> status(const llvm::Twine& path) override {
    if (!is_allowed(path.str())) return std::make_error_code(std::errc::no_such_file_or_directory);
    auto found = ProxyFileSystem::status(path);
    if (!found) files_.add_absent(path.str());
    if (!found || found->isDirectory()) return found;
    const auto file = load(path.str());
    if (!file) return file.getError();
    return llvm::vfs::Status(path, found->getUniqueID(), found->getLastModificationTime(), found->getUser(),
                             found->getGroup(), (*file)->rewritten.size(), found->getType(), found->getPermissions());
  }

  llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> openFileForRead(const llvm::Twine& path) override {
    auto found = status(path);
    if (!found) return found.getError();
    const SourceFile* file = found->isDirectory() ? nullptr : files_.find(path.str());
    if (file == nullptr) return std::make_error_code(std::errc::is_a_directory);
    return std::make_unique<TextFile>(*found, file->rewritten);
  }

 private:
  [[nodiscard]] std::string normalised(const std::string& path) const {
    llvm::SmallString<256> result(path);
    if (makeAbsolute(result)) return {};
    llvm::sys::path::remove_dots(result, true);
    return std::string(result);
  }

  [[nodiscard]] bool is_allowed(const std::string& path) const {
    const std::string full = normalised(path);
    for (const std::string& root : allowed_) {
      if (full.starts_with(root) && (full.size() == root.size() || root.ends_with('/') || full[root.size()] == '/')) return true;
    }
    return false;
  }

  llvm::ErrorOr<const SourceFile*> load(const std::string& path) {
    if (const SourceFile* known = files_.find(path)) return known;
    const auto buffer = read_text_file(path);
    if (!buffer) return buffer.getError();
    return &files_.add(path, (*buffer)->getBuffer().str());
  }

  SourceFiles& files_;
  std::vector<std::string> allowed_;
};

/// The texts that a request gives along, each pre-passed when the compiler first looks at it: most belong to other kernels.
class GivenTexts : public llvm::vfs::ProxyFileSystem {
 public:
  /// Adds `texts`, names and what stands there, to the files of `memory`; the first of several with one name counts.
  GivenTexts(SourceFiles& files, std::vector<std::pair<std::string, std::string>> texts, const llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem>& memory)
      : ProxyFileSystem(memory), files_(files), texts_(std::move(texts)) {
    for (const auto& text : texts_) {
      const std::string path = std::string(kSourceRoot) + text.first;
      if (memory->addFileNoOwn(path, 0, llvm::MemoryBufferRef(text.second, path))) by_id_.try_emplace(memory->status(path)->getUniqueID(), &text);
    }
  }

  llvm::ErrorOr<llvm::vfs::Status> status(const llvm::Twine& path) override {
    auto found = ProxyFileSystem::status(path);
    if (!found) return found;
    if (const auto* header = files_.precompiled(path.str())) return llvm::vfs::Status::copyWithNewSize(*found, header->rewritten_size);
    const SourceFile* file = load(*found);
    return file == nullptr ? found : llvm::vfs::Status::copyWithNewSize(*found, file->rewritten.size());
  }

  llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> openFileForRead(const llvm::Twine& path) override {
    auto found = status(path);
    const SourceFile* file = found ? load(*found) : nullptr;
    if (file == nullptr) return ProxyFileSystem::openFileForRead(path);
    return std::make_unique<TextFile>(*found, file->rewritten);
  }

 private:
  const SourceFile* load(const llvm::vfs::Status& status) {
    const auto given = by_id_.find(status.getUniqueID());
    if (given == by_id_.end()) return nullptr;
    std::string path = std::string(kSourceRoot) + given->second->first;
    const SourceFile* known = files_.find(path);
    return known != nullptr ? known : &files_.add(std::move(path), given->second->second);
  }

  SourceFiles& files_;
  const std::vector<std::pair<std::string, std::string>> texts_;
  std::map<llvm::sys::fs::UniqueID, const std::pair<std::string, std::string>*> by_id_;
};

}  // namespace

std::string SourceFile::line(unsigned number) const {
  if (number == 0 || number > line_begins.size()) return {};
  const std::size_t begin = line_begins[number - 1];
  std::string_view found = std::string_view(original).substr(begin, number == line_begins.size() ? std::string_view::npos : line_begins[number] - begin);
  if (found.ends_with('\n')) found.remove_suffix(1);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return std::string(found);
}

SourceFiles::SourceFiles(const SourceRequest& request, bool with_pch)
    : constants_(request.binding ? LateConstants::Given : LateConstants::Open),
      with_pch_(with_pch),
      precompiled_(with_pch && request.precompiled != nullptr && request.precompiled->serves(request) ? request.precompiled : nullptr) {
  auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
  const auto add_reference = [&](const std::string& path, std::string_view text) {
    memory->addFileNoOwn(path, 0, llvm::MemoryBufferRef(text, path));
  };
  for (const EmbeddedFile& header : embedded_headers()) {
    add_reference(std::string(kHeaderRoot) + std::string(header.name), header.text);
  }
  if (with_pch) add_reference(std::string(kPchFile), embedded_pch(request.target));
  if (precompiled_ != nullptr) add_reference(std::string(kHeadersPchFile), precompiled_->pch);
  memory->addFile(std::string(kPreludeFile), 0, llvm::MemoryBuffer::getMemBufferCopy(prelude_text()));
  memory->addFile(std::string(kOptionsFile), 0, llvm::MemoryBuffer::getMemBufferCopy(options_text(request)));

  const std::string main_path(kMainFile);
  add_reference(main_path, add(main_path, request.text, main_file_head(request), kMainFileHeadLines).rewritten);

  for (const std::string& directory : request.options.include_directories) searched_ += ", " + directory;
  searched_ += " and the library's headers";
  auto overlay = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(
      llvm::makeIntrusiveRefCnt<IncludeDirectories>(*this, request.options.include_directories));
  overlay->pushOverlay(llvm::makeIntrusiveRefCnt<GivenTexts>(*this, request.options.include_files, memory));
  file_system_ = std::move(overlay);
}

SourceFiles::~SourceFiles() = default;

const SourceFile* SourceFiles::find(std::string_view path) const {
  const auto found = files_.find(path);
  if (found != files_.end()) return &found->second;
  const PrecompiledHeaders::Header* header = precompiled(path);
  return header == nullptr ? nullptr : &files_.emplace(path, prepassed(std::string(header->text), {}, 0)).first->second;
}

bool SourceFiles::is_users(std::string_view path) const { return files_.contains(path) || precompiled(path) != nullptr; }

std::string_view SourceFiles::pch() const { return precompiled_ != nullptr ? kHeadersPchFile : with_pch_ ? kPchFile : std::string_view(); }

const PrecompiledHeaders::Header* SourceFiles::precompiled(std::string_view path) const {
  if (precompiled_ == nullptr || !path.starts_with(kSourceRoot)) return nullptr;
  return precompiled_->find(path.substr(kSourceRoot.size()));
}

void SourceFiles::add_included(std::string_view path) {
  if (precompiled(path) != nullptr) precompiled_->add_included(path.substr(kSourceRoot.size()), included_);
}

std::vector<std::string> SourceFiles::dependencies() const {
  std::vector<std::string> names(included_.begin(), included_.end());
  for (const auto& [path, file] : files_) {
    if (path == kMainFile || precompiled(path) != nullptr) continue;
    names.push_back(path.starts_with(kSourceRoot) ? path.substr(kSourceRoot.size()) : path);
  }
  std::ranges::sort(names);
  return names;
}

std::vector<FileDependency> SourceFiles::file_dependencies() const {
  std::vector<FileDependency> looked_at;
  for (const auto& [path, file] : files_) {
    if (path != kMainFile && !path.starts_with(kSourceRoot)) looked_at.push_back({path, content_digest(file.original)});
  }
  for (const std::string& path : absent_) looked_at.push_back({path, {}});
  std::ranges::sort(looked_at, {}, &FileDependency::path);
  return looked_at;
}

const SourceFile& SourceFiles::add(std::string path, std::string text, std::string_view head, unsigned head_lines) {
  return files_.insert_or_assign(std::move(path), prepassed(std::move(text), head, head_lines)).first->second;
}

SourceFile SourceFiles::prepassed(std::string text, std::string_view head, unsigned head_lines) const {
  // A carriage return alone ends a line too; nobody but the compiler knows it.
  for (std::size_t i = text.find('\r'); i != std::string::npos; i = text.find('\r', i + 1)) {
    if (i + 1 == text.size() || text[i + 1] != '\n') text[i] = '\n';
  }
  SourceFile file;
  Prepassed prepassed = prepass(text, constants_);
  file.original = std::move(text);
  file.line_begins.push_back(0);
  for (std::size_t i = 0; i < file.original.size(); ++i) {
    if (file.original[i] == '\n') file.line_begins.push_back(i + 1);
  }
  file.rewritten = std::string(head) + prepassed.text;
  file.columns = std::move(prepassed.columns);
  file.head_lines = head_lines;
  return file;
}

}  // namespace anymetal::msl
