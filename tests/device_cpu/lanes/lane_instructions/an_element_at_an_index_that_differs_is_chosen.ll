; RUN: lanes
; CHECK-COUNT-3: select <32 x i1> {{.*}}, <32 x float>
; CHECK-NOT: extractelement
; CHECK: store <32 x float>
define void @kernel(ptr %in, ptr %which, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <4 x float>, ptr %in, i64 %wide
  %v = load <4 x float>, ptr %p
  %w = getelementptr i32, ptr %which, i64 %wide
  %n = load i32, ptr %w
  %e = extractelement <4 x float> %v, i32 %n
  %o = getelementptr float, ptr %out, i64 %wide
  store float %e, ptr %o
  ret void
}
