#pragma once
/// \file
/// scripts/fetch_model.py, embedded at build time so that the program finds it wherever it is installed.

namespace anymetal::cli {

extern const char* const kFetchScript;

}  // namespace anymetal::cli
