;; Copying and the Internet checksum (RFC 1071), 64 bytes a step, over the memory that packets live in.
;; Sums are of little-endian 16-bit words; the ones' complement sum does not mind, as long as the result is stored little-endian too.
;; SIMD adds pairs of signed words in one instruction: with its highest bit flipped, an unsigned word w is the signed w - 32768, so every two bytes summed
;; that way lack 32768, which $lanes puts back.
;; The TypeScript twin is PlainChecksum in checksum.ts; scripts/build_wasm.ts makes checksum_wasm.ts of this file.
(module
  (memory (import "arena" "memory") 1)

  ;; Folds a sum below 2^34 to 16 bits.
  (func $fold (param $s i64) (result i32)
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (i32.wrap_i64 (local.get $s)))

  ;; The four lanes, what the words of $n bytes (a multiple of 16) lack, and the initial value as one 64-bit sum.
  (func $lanes (param $a v128) (param $n i32) (param $initial i32) (result i64)
    (local.set $a (i64x2.add (i64x2.extend_low_i32x4_s (local.get $a)) (i64x2.extend_high_i32x4_s (local.get $a))))
    (i64.add
      (i64.add (i64x2.extract_lane 0 (local.get $a)) (i64x2.extract_lane 1 (local.get $a)))
      (i64.add (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 14)) (i64.extend_i32_u (local.get $initial)))))

  ;; sum(at, length, initial): length up to 65535 keeps every lane below 2^31.
  (func (export "sum") (param $p i32) (param $n i32) (param $initial i32) (result i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128) (local $flip v128) (local $ones v128)
    (local $end i32) (local $s i64)
    (local.set $flip (v128.const i16x8 -32768 -32768 -32768 -32768 -32768 -32768 -32768 -32768))
    (local.set $ones (v128.const i16x8 1 1 1 1 1 1 1 1))
    (local.set $end (i32.add (local.get $p) (i32.and (local.get $n) (i32.const -64))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $a (i32x4.add (local.get $a) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (v128.load align=1 (local.get $p))) (local.get $ones))))
        (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (v128.load offset=16 align=1 (local.get $p))) (local.get $ones))))
        (local.set $c (i32x4.add (local.get $c) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (v128.load offset=32 align=1 (local.get $p))) (local.get $ones))))
        (local.set $d (i32x4.add (local.get $d) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (v128.load offset=48 align=1 (local.get $p))) (local.get $ones))))
        (local.set $p (i32.add (local.get $p) (i32.const 64)))
        (br $next)))
    (local.set $end (i32.add (local.get $p) (i32.and (local.get $n) (i32.const 48))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (v128.load align=1 (local.get $p))) (local.get $ones))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (br $next)))
    (local.set $s
      (call $lanes
        (i32x4.add (i32x4.add (local.get $a) (local.get $b)) (i32x4.add (local.get $c) (local.get $d)))
        (i32.and (local.get $n) (i32.const -16))
        (local.get $initial)))
    (if (i32.and (local.get $n) (i32.const 8))
      (then
        (local.set $s (i64.add (local.get $s) (i64.add (i64.load32_u align=1 (local.get $p)) (i64.load32_u offset=4 align=1 (local.get $p)))))
        (local.set $p (i32.add (local.get $p) (i32.const 8)))))
    (if (i32.and (local.get $n) (i32.const 4))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load32_u align=1 (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 4)))))
    (if (i32.and (local.get $n) (i32.const 2))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load16_u align=1 (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 2)))))
    (if (i32.and (local.get $n) (i32.const 1))
      (then (local.set $s (i64.add (local.get $s) (i64.load8_u (local.get $p))))))
    (call $fold (local.get $s)))

  ;; copy(to, from, length): the length is rounded up to 16.
  (func (export "copy") (param $d i32) (param $p i32) (param $n i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $d) (i32.and (local.get $n) (i32.const -64))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $d) (local.get $end)))
        (v128.store align=1 (local.get $d) (v128.load align=1 (local.get $p)))
        (v128.store offset=16 align=1 (local.get $d) (v128.load offset=16 align=1 (local.get $p)))
        (v128.store offset=32 align=1 (local.get $d) (v128.load offset=32 align=1 (local.get $p)))
        (v128.store offset=48 align=1 (local.get $d) (v128.load offset=48 align=1 (local.get $p)))
        (local.set $d (i32.add (local.get $d) (i32.const 64)))
        (local.set $p (i32.add (local.get $p) (i32.const 64)))
        (br $next)))
    (local.set $end (i32.add (local.get $d) (i32.and (local.get $n) (i32.const 63))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $d) (local.get $end)))
        (v128.store align=1 (local.get $d) (v128.load align=1 (local.get $p)))
        (local.set $d (i32.add (local.get $d) (i32.const 16)))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (br $next))))

  ;; sumCopy(to, from, length, initial): both in one pass; exactly `length` bytes are written.
  (func (export "sumCopy") (param $to i32) (param $p i32) (param $n i32) (param $initial i32) (result i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128) (local $flip v128) (local $ones v128)
    (local $u v128) (local $v v128) (local $w v128) (local $x v128) (local $end i32) (local $s i64)
    (local.set $flip (v128.const i16x8 -32768 -32768 -32768 -32768 -32768 -32768 -32768 -32768))
    (local.set $ones (v128.const i16x8 1 1 1 1 1 1 1 1))
    (local.set $end (i32.add (local.get $p) (i32.and (local.get $n) (i32.const -64))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $u (v128.load align=1 (local.get $p)))
        (local.set $v (v128.load offset=16 align=1 (local.get $p)))
        (local.set $w (v128.load offset=32 align=1 (local.get $p)))
        (local.set $x (v128.load offset=48 align=1 (local.get $p)))
        (v128.store align=1 (local.get $to) (local.get $u))
        (v128.store offset=16 align=1 (local.get $to) (local.get $v))
        (v128.store offset=32 align=1 (local.get $to) (local.get $w))
        (v128.store offset=48 align=1 (local.get $to) (local.get $x))
        (local.set $a (i32x4.add (local.get $a) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (local.get $u)) (local.get $ones))))
        (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (local.get $v)) (local.get $ones))))
        (local.set $c (i32x4.add (local.get $c) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (local.get $w)) (local.get $ones))))
        (local.set $d (i32x4.add (local.get $d) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (local.get $x)) (local.get $ones))))
        (local.set $p (i32.add (local.get $p) (i32.const 64)))
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (br $next)))
    (local.set $end (i32.add (local.get $p) (i32.and (local.get $n) (i32.const 48))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $v (v128.load align=1 (local.get $p)))
        (v128.store align=1 (local.get $to) (local.get $v))
        (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s (v128.xor (local.get $flip) (local.get $v)) (local.get $ones))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br $next)))
    (local.set $s
      (call $lanes
        (i32x4.add (i32x4.add (local.get $a) (local.get $b)) (i32x4.add (local.get $c) (local.get $d)))
        (i32.and (local.get $n) (i32.const -16))
        (local.get $initial)))
    (if (i32.and (local.get $n) (i32.const 8))
      (then
        (local.set $s (i64.add (local.get $s) (i64.add (i64.load32_u align=1 (local.get $p)) (i64.load32_u offset=4 align=1 (local.get $p)))))
        (i64.store align=1 (local.get $to) (i64.load align=1 (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 8)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))))
    (if (i32.and (local.get $n) (i32.const 4))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load32_u align=1 (local.get $p))))
        (i32.store align=1 (local.get $to) (i32.load align=1 (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 4)))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))))
    (if (i32.and (local.get $n) (i32.const 2))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load16_u align=1 (local.get $p))))
        (i32.store16 align=1 (local.get $to) (i32.load16_u align=1 (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 2)))
        (local.set $to (i32.add (local.get $to) (i32.const 2)))))
    (if (i32.and (local.get $n) (i32.const 1))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load8_u (local.get $p))))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $p)))))
    (call $fold (local.get $s)))
)
