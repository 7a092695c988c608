; A 32-bit index that cannot wrap around stays a progression when it is widened; another one does in small buffers only,
; and a narrower one is none.
; RUN: shapes
; CHECK: exact: linear 1{{$}}
; CHECK: wrapping: linear 1 conditional{{$}}
; CHECK: address: linear 4 conditional{{$}}
; CHECK: distance: divergent
; CHECK: narrow: divergent
; CHECK: half: divergent
; CHECK: signed: divergent
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %n = load volatile i32, ptr %in
  %sure = add nuw i32 %x, %n
  %exact = zext i32 %sure to i64
  store volatile i64 %exact, ptr %out
  %m = load volatile i32, ptr %in
  %sum = add i32 %x, %m
  %wrapping = zext i32 %sum to i64
  %address = getelementptr i32, ptr %in, i64 %wrapping
  store volatile i32 5, ptr %address
  %distance = sub i64 %wrapping, %exact
  store volatile i64 %distance, ptr %out
  %byte = trunc i32 %x to i8
  %narrow = zext i8 %byte to i32
  store volatile i32 %narrow, ptr %out
  %short = trunc i32 %x to i16
  %k = load volatile i16, ptr %in
  %moved = add i16 %short, %k
  %half = zext i16 %moved to i64
  store volatile i64 %half, ptr %out
  %signed = sext i16 %moved to i64
  store volatile i64 %signed, ptr %out
  ret void
}
