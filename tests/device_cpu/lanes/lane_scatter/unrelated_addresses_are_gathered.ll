; By the processor where it does that fast, else by one function for each element size.
; RUN: lanes
; RUN: lanes aarch64-linux-gnu:neoverse-n1 NEON
; CHECK: call <32 x float> @llvm.masked.gather.v32f32.v32p0(<32 x ptr> %{{.*}}, i32 4, <32 x i1> <i1 true,
; CHECK: call void @llvm.masked.scatter.v32f32.v32p0(
; CHECK-NOT: @lanes.
; NEON: call void @lanes.gather.4(ptr {{.*}}, i32 -1, i64 0)
; NEON: call void @lanes.scatter.4(ptr {{.*}}, i32 -1, i64 0)
; NEON: define internal void @lanes.gather.4(
; NEON: [[LANE:%.*]] = call i32 @llvm.cttz.i32(i32 [[LEFT:%.*]], i1 true)
; NEON: [[REST:%.*]] = and i32 [[LEFT]],
; NEON: [[DONE:%.*]] = icmp eq i32 [[REST]], 0
; NEON: br i1 [[DONE]], label %end, label %lane
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %three = mul i64 %wide, 3
  %p = getelementptr float, ptr %in, i64 %three
  %v = load float, ptr %p, align 4
  %five = mul i64 %wide, 5
  %o = getelementptr float, ptr %out, i64 %five
  store float %v, ptr %o, align 4
  ret void
}
