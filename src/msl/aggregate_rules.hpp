#pragma once
/// \file
/// Classes with `S() = default;` are aggregates.

namespace clang {
class CXXRecordDecl;
}

namespace anymetal::msl {

/// From C++20 on a constructor that is declared at all makes a class none that braces initialise member by member; in MSL, as up to
/// C++17, only one with a body or `explicit` does. Applies that rule to a class that is complete now.
void apply_older_aggregate_rule(clang::CXXRecordDecl& record);

}  // namespace anymetal::msl
