; They give what changes nothing: 0 to a sum, 1 to a product, the smallest number to a maximum, no vote.
; RUN: lanes
; CHECK: body.then:
; CHECK: [[SUMMANDS:%.*]] = select <32 x i1> [[HERE:%.*]], <32 x i32> %{{.*}}, <32 x i32> zeroinitializer
; CHECK: call {{.*}}@llvm.vector.reduce.add.v32i32(<32 x i32> [[SUMMANDS]])
; CHECK: [[FACTORS:%.*]] = select <32 x i1> [[HERE]], <32 x i32> %{{.*}}, <32 x i32> <i32 1,
; CHECK: call {{.*}}@llvm.vector.reduce.mul.v32i32(<32 x i32> [[FACTORS]])
; CHECK: [[MOST:%.*]] = select <32 x i1> [[HERE]], <32 x i32> %{{.*}}, <32 x i32> <i32 -2147483648,
; CHECK: call {{.*}}@llvm.vector.reduce.smax.v32i32(<32 x i32> [[MOST]])
; CHECK: [[VOTES:%.*]] = and <32 x i1> [[HERE]],
; CHECK: bitcast <32 x i1> [[VOTES]] to i32
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %low = icmp ult i32 %v, 100
  br i1 %low, label %then, label %end
then:
  %sum = call i32 @__msl_simd_sum_u32(i32 %v)
  %product = call i32 @__msl_simd_product_u32(i32 %v)
  %most = call i32 @__msl_simd_max_i32(i32 %v)
  %odd = trunc i32 %v to i1
  %votes = call i64 @__msl_simd_ballot(i1 %odd)
  %short = trunc i64 %votes to i32
  %a = xor i32 %sum, %product
  %b = xor i32 %most, %short
  %c = xor i32 %a, %b
  store i32 %c, ptr %out
  br label %end
end:
  ret void
}
