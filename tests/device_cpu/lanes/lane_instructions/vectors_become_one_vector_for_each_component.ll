; RUN: lanes
; CHECK: load <128 x float>
; CHECK: [[C:%.*]] = shufflevector <128 x float> {{.*}}<32 x i32> <i32 2, i32 6, i32 10,
; CHECK: exp2.v32f32(<32 x float> [[C]])
; CHECK-NOT: exp2
; CHECK: store <32 x float>
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <4 x float>, ptr %in, i64 %wide
  %v = load <4 x float>, ptr %p
  %m = call <4 x float> @llvm.exp2.v4f32(<4 x float> %v)
  %third = extractelement <4 x float> %m, i32 2
  %o = getelementptr float, ptr %out, i64 %wide
  store float %third, ptr %o
  ret void
}
declare <4 x float> @llvm.exp2.v4f32(<4 x float>)
