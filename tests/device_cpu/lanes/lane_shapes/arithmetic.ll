; Sums, differences and constant multiples of progressions are progressions; everything else of them is not.
; RUN: shapes
; CHECK: base: uniform
; CHECK: sum: linear 1
; CHECK: twice: linear 3
; CHECK: shifted: linear 32
; CHECK: back: linear -1
; CHECK: none: uniform
; CHECK: product: divergent
; CHECK: square: divergent
; CHECK: either: divergent
; CHECK: chosen: divergent
; CHECK: same: linear 1
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %base = load volatile i32, ptr %in
  %sum = add i32 %x, %base
  store volatile i32 %sum, ptr %out
  %twice = mul i32 %sum, 3
  store volatile i32 %twice, ptr %out
  %shifted = shl i32 %sum, 5
  store volatile i32 %shifted, ptr %out
  %back = sub i32 %base, %x
  store volatile i32 %back, ptr %out
  %none = add i32 %back, %sum
  store volatile i32 %none, ptr %out
  %product = mul i32 %sum, %base
  store volatile i32 %product, ptr %out
  %square = mul i32 %sum, %sum
  store volatile i32 %square, ptr %out
  %either = or i32 %sum, %base
  store volatile i32 %either, ptr %out
  %low = icmp ult i32 %x, %base
  %chosen = select i1 %low, i32 %x, i32 %base
  store volatile i32 %chosen, ptr %out
  %large = icmp ult i32 %base, 77
  %same = select i1 %large, i32 %x, i32 %sum
  store volatile i32 %same, ptr %out
  ret void
}
