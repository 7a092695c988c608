; The source is computed before the branch and used behind it.
; RUN: lanes
; CHECK: shufflevector <32 x i32> %{{.*}}, <32 x i32> poison, <32 x i32> <i32 4, i32 5, i32 6, i32 7, i32 0,
; CHECK-NOT: masked.gather
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %narrow = trunc i32 %lane to i16
  %turned = xor i16 %narrow, 4
  %other = zext i16 %turned to i32
  %some = icmp ugt i32 %v, 7
  br i1 %some, label %then, label %end
then:
  %a = call i32 @__msl_simd_shuffle(i32 %v, i32 %other)
  store i32 %a, ptr %p
  br label %end
end:
  ret void
}
