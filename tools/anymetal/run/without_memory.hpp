#pragma once
/// \file
/// The end of a program that finds no memory where no exception can pass.

namespace anymetal::cli {

/// From now on a std::bad_alloc that nobody can catch ends the program as one that is caught does, with a message and
/// exit code 1, instead of by SIGABRT: destructors of nlohmann-json's values allocate, and so does saying what is
/// wrong. What stands in buffers of standard output is lost. All else that ends in std::terminate does as before, and
/// so does what a step of the compiler meets: its handlers see that.
void end_cleanly_without_memory();

}  // namespace anymetal::cli
