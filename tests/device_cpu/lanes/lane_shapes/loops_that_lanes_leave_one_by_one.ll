; What such a loop counts is the same in all lanes that are still there, and differs behind it.
; RUN: shapes
; CHECK: {{^}}each: partial
; CHECK-NEXT: round: uniform
; CHECK: {{^}}behind:{{$}}
; CHECK-NEXT: last: divergent
; CHECK: {{^}}all:{{$}}
; CHECK-NEXT: shared: uniform
; CHECK: {{^}}end:{{$}}
; CHECK-NEXT: total: uniform
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  br label %each
each:
  %round = phi i32 [ 0, %entry ], [ %next, %each ]
  %v = load volatile i32, ptr %in
  store volatile i32 %round, ptr %out
  %next = add i32 %round, %v
  %more = icmp ult i32 %next, %x
  br i1 %more, label %each, label %behind
behind:
  %last = phi i32 [ %next, %each ]
  store volatile i32 %last, ptr %out
  br label %all
all:
  %shared = phi i32 [ 0, %behind ], [ %more1, %all ]
  %w = load volatile i32, ptr %in
  %more1 = add i32 %shared, %w
  %again = icmp ult i32 %more1, 1000
  br i1 %again, label %all, label %end
end:
  %total = phi i32 [ %more1, %all ]
  store volatile i32 %total, ptr %out
  ret void
}
