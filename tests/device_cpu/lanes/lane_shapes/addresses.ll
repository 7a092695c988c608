; An address advances by the bytes between two lanes' elements; a private variable's copies lie interleaved instead.
; RUN: shapes
; CHECK: bytes: linear 1
; CHECK: words: linear 4
; CHECK: quads: linear 16
; CHECK: member: linear 12
; CHECK: row: uniform
; CHECK: own: divergent
%part = type { i32, [2 x i32] }
define void @kernel(ptr %in, ptr %out) {
  %private = alloca [64 x i32]
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %y = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %xw = zext i32 %x to i64
  %yw = zext i32 %y to i64
  %bytes = getelementptr i8, ptr %in, i64 %xw
  store volatile i8 1, ptr %bytes
  %words = getelementptr i32, ptr %in, i64 %xw
  store volatile i32 1, ptr %words
  %quads = getelementptr <4 x float>, ptr %in, i64 %xw
  store volatile <4 x float> zeroinitializer, ptr %quads
  %member = getelementptr %part, ptr %in, i64 %xw, i32 1, i64 %yw
  store volatile i32 2, ptr %member
  %row = getelementptr [64 x i32], ptr %in, i64 %yw
  store volatile i32 3, ptr %row
  %own = getelementptr i32, ptr %private, i64 %xw
  store volatile i32 4, ptr %own
  ret void
}
