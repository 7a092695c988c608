; RUN: lanes
; CHECK: call reassoc float @llvm.vector.reduce.fadd.v32f32(float -0.000000e+00, <32 x float>
; CHECK: call {{.*}}@llvm.vector.reduce.smax.v32i32(<32 x i32>
; CHECK-NOT: select
; CHECK: ret void
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %f = bitcast i32 %v to float
  %sum = call float @__msl_simd_sum_f32(float %f)
  store float %sum, ptr %out
  %most = call i32 @__msl_simd_max_i32(i32 %v)
  %o = getelementptr i32, ptr %out, i64 1
  store i32 %most, ptr %o
  ret void
}
