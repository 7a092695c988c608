; RUN: lanes
; CHECK: [[THERE:%.*]] = icmp ne <32 x i32>
; CHECK: [[BY:%.*]] = select <32 x i1> [[THERE]], <32 x i32> [[V:%.*]], <32 x i32> <i32 1,
; CHECK: udiv <32 x i32> {{.*}}, [[BY]]
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %there = icmp ne i32 %v, 0
  br i1 %there, label %divide, label %end
divide:
  %q = udiv i32 1000, %v
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %q, ptr %o
  br label %end
end:
  ret void
}
