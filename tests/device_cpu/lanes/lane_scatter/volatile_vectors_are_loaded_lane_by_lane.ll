; RUN: lanes
; CHECK: load volatile <2 x float>, ptr
; CHECK: extractelement <2 x float> {{.*}}, i64 0
; CHECK: extractelement <2 x float> {{.*}}, i64 1
define void @kernel(ptr %in, ptr %out, ptr %limit) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %i = getelementptr <2 x float>, ptr %in, i64 %wide
  %v = load volatile <2 x float>, ptr %i
  %o = getelementptr <2 x float>, ptr %out, i64 %wide
  store <2 x float> %v, ptr %o
  ret void
}
