; A product takes and gives vectors; its rows are put together from lanes by permutations, 64 multiply-adds of 8.
; RUN: lanes
; CHECK: call { <32 x float>, <32 x float> } @lanes.multiply_accumulate(<32 x float>
; CHECK: call { <32 x float>, <32 x float> } @lanes.multiply_accumulate(<32 x float>
; CHECK-NOT: alloca
; CHECK: define internal { <32 x float>, <32 x float> } @lanes.multiply_accumulate(
; CHECK-COUNT-64: @llvm.fma.v8f32(
; CHECK-NOT: alloca
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <2 x float>, ptr %in, i64 %wide
  %a = load <2 x float>, ptr %p
  %ab = call <2 x float> @__msl_simdgroup_multiply_accumulate_f32_f32(<2 x float> %a, <2 x float> %a, <2 x float> zeroinitializer)
  %abc = call <2 x float> @__msl_simdgroup_multiply_accumulate_f32_f32(<2 x float> %ab, <2 x float> %a, <2 x float> %ab)
  %o = getelementptr <2 x float>, ptr %out, i64 %wide
  store <2 x float> %abc, ptr %o
  ret void
}
