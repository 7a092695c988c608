#pragma once
// The operators that types of the library have, for macros that define one.
#pragma clang system_header

#define __MSL_COMPUTING_OPERATORS(M) M(+) M(-) M(*) M(/) M(%) M(&) M(|) M(^) M(<<) M(>>)
#define __MSL_COMPARING_OPERATORS(M) M(==) M(!=) M(<) M(<=) M(>) M(>=)
#define __MSL_LOGICAL_OPERATORS(M) M(&&) M(||)
#define __MSL_SIGN_OPERATORS(M) M(+) M(-) M(~) M(!)
