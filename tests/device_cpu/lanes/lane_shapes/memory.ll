; What lies at one address is the same for all lanes, but for private memory and what an atomic operation found there.
; RUN: shapes
; CHECK: shared: uniform
; CHECK: own: divergent
; CHECK: found: divergent
; CHECK: each: divergent
define void @kernel(ptr %in, ptr %out) {
  %private = alloca i32
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  store volatile i32 %x, ptr %private
  %shared = load volatile i32, ptr %in
  store volatile i32 %shared, ptr %out
  %own = load volatile i32, ptr %private
  store volatile i32 %own, ptr %out
  %found = atomicrmw add ptr %in, i32 1 monotonic
  store volatile i32 %found, ptr %out
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %each = load volatile i32, ptr %p
  store volatile i32 %each, ptr %out
  ret void
}
