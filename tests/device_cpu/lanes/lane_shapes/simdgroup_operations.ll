; A reduction and a vote are the same in all lanes, and so is what one lane broadcasts.
; RUN: shapes
; CHECK: sum: uniform
; CHECK: votes: uniform
; CHECK: third: uniform
; CHECK: neighbour: divergent
; CHECK: before: divergent
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load volatile i32, ptr %p
  %odd = trunc i32 %v to i1
  %sum = call i32 @__msl_simd_sum_u32(i32 %v)
  store volatile i32 %sum, ptr %out
  %votes = call i64 @__msl_simd_ballot(i1 %odd)
  store volatile i64 %votes, ptr %out
  %third = call i32 @__msl_simd_shuffle(i32 %v, i32 3)
  store volatile i32 %third, ptr %out
  %other = xor i32 %x, 1
  %neighbour = call i32 @__msl_simd_shuffle(i32 %v, i32 %other)
  store volatile i32 %neighbour, ptr %out
  %before = call i32 @__msl_simd_prefix_exclusive_sum_u32(i32 %v)
  store volatile i32 %before, ptr %out
  ret void
}
