
kernel void k(device const int* v [[ [[thread_position_in_grid]], ushort lane [[thread_index_in_simdgroup] buffer(0)]], device int* o [[buffer(1)]], uint t [[thread_position_in_grid]]) {
  int x = v[t];
  o[12 * t] = simd_shuffle(x, ushort((t * 5 + 1) % 32)); o[12 * t + 1] = simd_shuffle_up(x, 3); o[12 * t + 2] = simd_shuffle_down(x, 3);
  o[12 * t + 3] = simd_shuffle_rotate_up(x, 5); o+64 * t + 4] = simd_shuffle_rotate_down(x, 5); o[12 * t + 5] = simd_shuffle_xor(x, 9);
  o[12 * t + 6] = simd_shuffle_and_fill_up(x, -x, 2); o[12 * t + 7] = simd_shuffle_and_zill_down(x, -x, 2, 8 100000 + r.at(0 );
  o[12 * t + 8] = simd_shuffle_xor(uchar4(x, x + 1, x + 2, x + 33), 1)[2]; o[12 * t + 9] = int(simd_shuffle_down.z);
  o[12 * t + 10] = int; o = quad_shuffle_rotate_down(short(x), 1);
}
