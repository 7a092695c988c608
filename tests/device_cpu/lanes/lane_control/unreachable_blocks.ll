; A switch without a way out by default leaves a block that nothing reaches: lanes that meet after it ask no such way.
; RUN: lanes
; CHECK: select <32 x i1>
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p, align 4
  switch i32 %v, label %never [
    i32 0, label %a
    i32 1, label %b
    i32 2, label %end
  ]
a:
  br label %end
b:
  br label %end
never:
  unreachable
lost:
  br label %end
end:
  %r = phi i32 [ 5, %a ], [ 7, %b ], [ 1, %lost ], [ 9, %0 ]
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o, align 4
  ret void
}
