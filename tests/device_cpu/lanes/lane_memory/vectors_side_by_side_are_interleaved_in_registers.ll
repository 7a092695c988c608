; RUN: lanes
; CHECK: [[ALL:%.*]] = load <64 x float>, ptr %{{.*}}, align 8
; CHECK: shufflevector <64 x float> [[ALL]], {{.*}} <32 x i32> <i32 0, i32 2, i32 4,
; CHECK: shufflevector <64 x float> [[ALL]], {{.*}} <32 x i32> <i32 1, i32 3, i32 5,
; CHECK: [[OUT:%.*]] = shufflevector <32 x float> {{.*}}<64 x i32> <i32 0, i32 32, i32 1, i32 33,
; CHECK: store <64 x float> [[OUT]], ptr %{{.*}}, align 8
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <2 x float>, ptr %in, i64 %wide
  %v = load <2 x float>, ptr %p, align 8
  %a = extractelement <2 x float> %v, i32 0
  %b = extractelement <2 x float> %v, i32 1
  %sum = fadd float %a, %b
  %w = insertelement <2 x float> %v, float %sum, i32 1
  %o = getelementptr <2 x float>, ptr %out, i64 %wide
  store <2 x float> %w, ptr %o, align 8
  ret void
}
