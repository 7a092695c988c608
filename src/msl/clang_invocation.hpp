#pragma once
/// \file
/// How Clang is called for MSL: language options, target, search paths.

#include "msl/parsed_source.hpp"

#include <anymetal/compile_limits.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace clang {
class CompilerInvocation;
class DiagnosticsEngine;
}  // namespace clang

namespace anymetal::msl {

/// Where things lie in the virtual file system of a parse.
inline constexpr std::string_view kHeaderRoot = "/__msl/include/";    ///< embedded headers
inline constexpr std::string_view kSourceRoot = "/__msl/source/";     ///< the request's include_files
inline constexpr std::string_view kMainFile = "/__msl/main.metal";    ///< the request's text
inline constexpr std::string_view kPreludeFile = "/__msl/prelude.hpp";
inline constexpr std::string_view kPchFile = "/__msl/prelude.pch";
inline constexpr std::string_view kHeadersPchFile = "/__msl/headers.pch";  ///< SourceRequest::precompiled, which goes on from kPchFile

/// `__METAL_VERSION__` of a language standard ("metal3.1", "macos-metal2.4": 310, 240); 0 where there is no such.
unsigned metal_version(std::string_view standard);

/// What is parsed before every source: keywords, the standard library, the built-in inputs. Precompiled.
std::string prelude_text();

/// Two lines that make the compiler's view of a source: host macros removed and the request's own defined, in a first
/// line's include; the user's text starts at line 1 again.
std::string main_file_head(const SourceRequest& request);
inline constexpr unsigned kMainFileHeadLines = 2;
inline constexpr std::string_view kOptionsFile = "/__msl/options.h";
/// The text of kOptionsFile.
std::string options_text(const SourceRequest& request);

/// `pch`: the precompiled file to start from; empty: from the text of the prelude.
std::shared_ptr<clang::CompilerInvocation> make_invocation(const SourceOptions& options, const CompileLimits& limits, Target target, std::string_view pch,
                                                           clang::DiagnosticsEngine& diagnostics);

}  // namespace anymetal::msl
