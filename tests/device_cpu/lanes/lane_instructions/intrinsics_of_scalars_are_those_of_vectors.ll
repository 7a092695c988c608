; The sum over a lane's own components adds vectors; it is no sum over lanes.
; RUN: lanes
; CHECK: call nnan <32 x float> @llvm.fma.v32f32
; CHECK: fadd reassoc <32 x float>
; CHECK-NOT: reduce
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <2 x float>, ptr %in, i64 %wide
  %v = load <2 x float>, ptr %p
  %a = extractelement <2 x float> %v, i32 0
  %f = call nnan float @llvm.fma.f32(float %a, float %a, float 1.0)
  %s = call reassoc float @llvm.vector.reduce.fadd.v2f32(float %f, <2 x float> %v)
  %o = getelementptr float, ptr %out, i64 %wide
  store float %s, ptr %o
  ret void
}
declare float @llvm.fma.f32(float, float, float)
declare float @llvm.vector.reduce.fadd.v2f32(float, <2 x float>)
