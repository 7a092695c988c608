; With lanes known, of a register; of one lane, an element; of any, through memory.
; RUN: lanes
; CHECK: load <32 x i32>
; CHECK: shufflevector <32 x i32> [[V:%.*]], <32 x i32> poison, <32 x i32> <i32 1, i32 0, i32 3, i32 2,
; CHECK: [[WHICH:%.*]] = and i32 %{{.*}}, 31
; CHECK: extractelement <32 x i32> [[V]], i32 [[WHICH]]
; CHECK: and <32 x i32> %{{.*}}, <i32 31,
; CHECK: masked.gather.v32i32
define void @kernel(ptr %in, ptr %out, ptr %limit) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %other = xor i32 %lane, 1
  %a = call i32 @__msl_simd_shuffle(i32 %v, i32 %other)
  %n = load i32, ptr %limit
  %b = call i32 @__msl_simd_shuffle(i32 %v, i32 %n)
  %c = call i32 @__msl_simd_shuffle(i32 %v, i32 %v)
  %ab = xor i32 %a, %b
  %abc = xor i32 %ab, %c
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %abc, ptr %o
  ret void
}
