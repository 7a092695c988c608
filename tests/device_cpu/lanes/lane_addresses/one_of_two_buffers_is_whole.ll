; Where lanes choose between buffers there is no one middle; of one buffer it is chosen between distances.
; RUN: lanes
; CHECK: select <32 x i1> %{{.*}}, <32 x i32>
; CHECK: masked.gather.v32i32.v32p0(
; CHECK: select <32 x i1> %{{.*}}, <32 x ptr>
; CHECK: masked.gather.v32i32.v32p0(
define void @kernel(ptr %in, ptr %picks, ptr %out, ptr %other) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %picks, i64 %wide
  %pick = load i32, ptr %p
  %picked = sext i32 %pick to i64
  %low = icmp ult i32 %pick, 100
  %a = getelementptr i32, ptr %in, i64 %picked
  %b = getelementptr i32, ptr %in, i64 %wide
  %same = select i1 %low, ptr %a, ptr %b
  %v = load i32, ptr %same
  %c = getelementptr i32, ptr %other, i64 %picked
  %either = select i1 %low, ptr %a, ptr %c
  %w = load i32, ptr %either
  %sum = add i32 %v, %w
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %sum, ptr %o
  ret void
}
