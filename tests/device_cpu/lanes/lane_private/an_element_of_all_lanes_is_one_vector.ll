; 16 elements of 32 lanes: the index is scaled by 32 lanes of 4 bytes, and lanes that are elsewhere keep theirs.
; RUN: lanes
; CHECK: %private = alloca [2048 x i8], align 128
; CHECK: store <32 x float> %{{.*}}, ptr %{{.*}}, align 128
; CHECK: shl {{.*}}i64 %{{.*}}, 7
; CHECK: [[AT:%.*]] = getelementptr i8, ptr %private,
; CHECK: [[OLD:%.*]] = load <32 x float>, ptr [[AT]], align 128
; CHECK: body.then:
; CHECK-NEXT: [[NEW:%.*]] = select <32 x i1> %{{.*}}, <32 x float> <float 4.0{{.*}}, <32 x float> %{{.*}}
; CHECK: store <32 x float> [[NEW]], ptr [[AT]], align 128
; CHECK-NOT: gather
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %array = alloca [16 x float]
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %n = load i32, ptr %limit
  %at = zext i32 %n to i64
  %p = getelementptr float, ptr %in, i64 %wide
  %v = load float, ptr %p
  %a = getelementptr float, ptr %array, i64 3
  store float %v, ptr %a
  %b = getelementptr float, ptr %array, i64 %at
  %w = load float, ptr %b
  %low = fcmp olt float %w, 1.0
  br i1 %low, label %then, label %end
then:
  store float 4.0, ptr %b
  br label %end
end:
  %r = load float, ptr %a
  %o = getelementptr float, ptr %out, i64 %wide
  store float %r, ptr %o
  ret void
}
