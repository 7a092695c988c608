#include "registry/stored_form.hpp"

#include "cache/bytes.hpp"

#include <cstdint>

namespace anymetal::registry {

namespace {

using cache::ByteReader;
using cache::ByteWriter;

// `fields` lists the fields of each struct once; writing and reading follow the same list.
template <class Visitor, class T>
void fields(Visitor& visit, T& a)
  requires std::is_same_v<std::remove_const_t<T>, Argument>
{
  visit.text(a.name);
  visit.enumerator(a.kind, ArgumentKind::Threadgroup);
  visit.number(a.index);
  visit.text(a.type);
  visit.enumerator(a.access, Access::ReadWrite);
  visit.number(a.element_size);
  visit.number(a.element_alignment);
  visit.number(a.is_reference);
  visit.number(a.is_constant);
  visit.number(a.active);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& d)
  requires std::is_same_v<std::remove_const_t<T>, Diagnostic>
{
  visit.enumerator(d.severity, Severity::Error);
  visit.text(d.file);
  visit.number(d.line);
  visit.number(d.column);
  visit.text(d.message);
  visit.text(d.source_line);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& c)
  requires std::is_same_v<std::remove_const_t<T>, msl::ConstantDeclaration>
{
  visit.text(c.name);
  visit.number(c.index);
  visit.enumerator(c.type, ConstantType::BFloat);
  visit.number(c.components);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& s)
  requires std::is_same_v<std::remove_const_t<T>, std::string>
{
  visit.text(s);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& r)
  requires std::is_same_v<std::remove_const_t<T>, msl::EntryReflection>
{
  visit.text(r.name);
  visit.list(r.arguments);
  visit.number(r.max_total_threads);
  visit.number(r.declares_max_total_threads);
  for (auto& threads : r.required_threads) visit.number(threads);
  visit.number(r.static_threadgroup_memory);
  visit.number(r.any_threadgroup_size);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& p)
  requires std::is_same_v<std::remove_const_t<T>, StoredPipeline>
{
  visit.text(p.artifact.code);
  visit.text(p.artifact.symbol);
  visit.text(p.artifact.execution_path);
  visit.text(p.artifact.path_reason);
  fields(visit, p.artifact.reflection);
  visit.text(p.artifact.metadata);
  visit.list(p.warnings);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& e)
  requires std::is_same_v<std::remove_const_t<T>, StoredEntry>
{
  visit.text(e.module.bitcode);
  visit.text(e.module.symbol);
  visit.enumerator(e.module.target, msl::Target::Nvptx);
  fields(visit, e.module.reflection);
  visit.list(e.module.constants);
  visit.list(e.module.argument_guards);
  visit.list(e.warnings);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& f)
  requires std::is_same_v<std::remove_const_t<T>, msl::FileDependency>
{
  visit.text(f.path);
  visit.text(f.digest);
}

template <class Visitor, class T>
void fields(Visitor& visit, T& f)
  requires std::is_same_v<std::remove_const_t<T>, StoredFiles>
{
  visit.list(f.files);
}

struct Writing {
  ByteWriter out;
  void text(const std::string& value) { out.text(value); }
  template <class T>
  void number(const T& value) {
    out.number(value);
  }
  template <class E>
  void enumerator(const E& value, E) {
    out.number(value);
  }
  template <class T>
  void list(const std::vector<T>& values) {
    out.number(static_cast<std::uint64_t>(values.size()));
    for (const auto& value : values) fields(*this, value);
  }
};

struct Reading {
  ByteReader in;
  void text(std::string& value) { value = in.text(); }
  template <class T>
  void number(T& value) {
    value = in.number<T>();
  }
  template <class E>
  void enumerator(E& value, E last) {
    value = in.enumerator(last);
  }
  template <class T>
  void list(std::vector<T>& values) {
    constexpr std::size_t kLeast = 8;  // each of them starts or ends with a length
    values.resize(in.count(kLeast));
    for (auto& value : values) fields(*this, value);
  }
};

template <class T>
std::string write(const T& value) {
  Writing writing;
  fields(writing, value);
  return writing.out.take();
}

template <class T>
std::optional<T> read(std::string_view bytes) {
  Reading reading{ByteReader(bytes)};
  T value;
  fields(reading, value);
  if (!reading.in.done()) return std::nullopt;
  return value;
}

}  // namespace

std::string to_bytes(const StoredPipeline& pipeline) { return write(pipeline); }
std::string to_bytes(const StoredEntry& entry) { return write(entry); }
std::string to_bytes(const StoredFiles& files) { return write(files); }
std::optional<StoredPipeline> pipeline_from_bytes(std::string_view bytes) { return read<StoredPipeline>(bytes); }
std::optional<StoredEntry> entry_from_bytes(std::string_view bytes) { return read<StoredEntry>(bytes); }
std::optional<StoredFiles> files_from_bytes(std::string_view bytes) { return read<StoredFiles>(bytes); }

}  // namespace anymetal::registry
