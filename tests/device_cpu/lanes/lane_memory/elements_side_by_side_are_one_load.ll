; RUN: lanes
; CHECK: load <32 x float>, ptr %{{.*}}, align 4
; CHECK: load <32 x half>, ptr %{{.*}}, align 2
; CHECK: store <32 x float>
; CHECK-NOT: masked
define void @kernel(ptr %in, ptr %scale, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr float, ptr %in, i64 %wide
  %v = load float, ptr %p, align 4
  %q = getelementptr half, ptr %scale, i64 %wide
  %h = load half, ptr %q, align 2
  %f = fpext half %h to float
  %r = fmul float %v, %f
  %o = getelementptr float, ptr %out, i64 %wide
  store float %r, ptr %o, align 4
  ret void
}
