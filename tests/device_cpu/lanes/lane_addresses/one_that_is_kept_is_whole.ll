; An address that is stored or compared need not lie in the buffer, nor what it is made from; neither need one that was
; read from memory.
; RUN: lanes
; CHECK: buffers: any
; CHECK-NOT: 2147418112
; CHECK: masked.gather.v32i32.v32p0(
; CHECK: icmp ult <32 x ptr>
; CHECK: ret void
define void @kernel(ptr %in, ptr %picks, ptr %out, ptr %other) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %picks, i64 %wide
  %pick = load i32, ptr %p
  %picked = sext i32 %pick to i64
  %row = getelementptr i32, ptr %in, i64 %picked
  %from = getelementptr i32, ptr %row, i64 5
  %v = load i32, ptr %row
  %buffer = load ptr, ptr %other
  %there = getelementptr i32, ptr %buffer, i64 %picked
  %w = load i32, ptr %there
  %before = icmp ult ptr %from, %other
  %chosen = select i1 %before, i32 %v, i32 %w
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %chosen, ptr %o
  ret void
}
