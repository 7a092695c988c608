#pragma once
/// \file
/// What a kernel may ask about the processor it is compiled for, and of its instructions.

namespace llvm {
class Module;
}

namespace anymetal::device::cpu {

/// Gives what the module declares of these a body for this host: `__msl_vector_bits()`, which is 512, 256 or 128;
/// `__msl_look_up_16(result, table, index)` and `__msl_look_up_32(result, low, high, index)`, pointers to 16 floats or
/// numbers each: look-ups in a table of 16 or 32 by the low 4 or 5 bits of each number, one instruction where a
/// register holds 16; `__msl_look_up_bytes(result, table, index)`, the same with 32 bytes in a table of 16 that is given
/// twice, one instruction where a register holds 32.
///
/// `__msl_has_byte_dots()` is 1 where a processor has the next three, on 64 bytes each that lie aligned, and 0 where
/// nothing may call them: `__msl_add_byte_dots(sums, codes, limbs)` adds to 16 sums of 32 bits four products of
/// unsigned with signed bytes each; `__msl_look_up_quarters(result, tables, index)` looks up bytes of each quarter in a
/// table of its own by indices below 16; `__msl_multiply_bits(result, bytes, matrices)` multiplies each byte by a matrix
/// of 8 bytes for every 8 of them: bit 7 - i of the result is the parity of the byte and byte i of the matrix.
///
/// `__msl_has_pair_dots()` says the same of three functions on 32 bytes each that lie aligned: the sums of products of
/// two neighbours, in 16 bits of unsigned with signed bytes, `__msl_byte_pair_dots(result, unsigned, signed)`, which
/// must fit there, and in 32 bits of signed words, `__msl_word_pair_dots(result, a, b)`; and
/// `__msl_with_signs(result, bytes, signs)`, signed bytes, negated or 0 where those of `signs` are below 0 or 0.
///
/// With either of them there is `__msl_nearest_integers(result, floats)`, which rounds 16 floats, aligned to 64 bytes,
/// to integers of 32 bits.
void define_target_queries(llvm::Module& module);

}  // namespace anymetal::device::cpu
