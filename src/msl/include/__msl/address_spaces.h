#pragma once
// Address spaces are erased from types: `constant` leaves const behind, the others leave nothing. The front end defines
// the keywords itself, with annotations, before any header; these definitions serve a plain run of Clang.
#pragma clang system_header

#ifndef constant
#define device
#define thread
#define threadgroup
#define constant const
#define coherent(scope)
#define kernel __attribute__((annotate("msl:kernel")))
#endif
