; Lanes that come to the loop one by one, and an end that differs between them, leave it as it is.
; RUN: lanes
; CHECK-NOT: usub.sat
; CHECK: ret void
define void @kernel(ptr %in, ptr %out, ptr %size) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %n = load i32, ptr %size
  %wide = zext i32 %x to i64
  %q = getelementptr i32, ptr %in, i64 %wide
  %own = load i32, ptr %q
  %some = icmp eq i32 %own, 7
  br i1 %some, label %round, label %second
round:
  %k = phi i32 [ %lane, %entry ], [ %k1, %round ]
  %k1 = add i32 %k, 32
  %more = icmp ult i32 %k1, %n
  br i1 %more, label %round, label %left
left:
  br label %second
second:
  %begun = phi i32 [ 0, %entry ], [ %k1, %left ]
  br label %other
other:
  %j = phi i32 [ %lane, %second ], [ %j1, %other ]
  %j1 = add i32 %j, 32
  %on = icmp ult i32 %j1, %own
  br i1 %on, label %other, label %after
after:
  %last = phi i32 [ %j1, %other ]
  %r = add i32 %begun, %last
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o
  ret void
}
