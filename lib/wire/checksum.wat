;; Copying and the Internet checksum (RFC 1071), 32 bytes a step, over the memory that packets live in.
;; Sums are of little-endian 16-bit words; the ones' complement sum does not mind, as long as the result is stored little-endian too.
;; The TypeScript twin is PlainChecksum in checksum.ts; scripts/build_wasm.ts makes checksum_wasm.ts of this file.
(module
  (memory (import "arena" "memory") 1)

  ;; Folds a 64-bit sum to 16 bits.
  (func $fold (param $s i64) (result i32)
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffffffff)) (i64.shr_u (local.get $s) (i64.const 32))))
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (local.set $s (i64.add (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (i32.wrap_i64 (local.get $s)))

  ;; The four lanes and the initial value as one 64-bit sum.
  (func $lanes (param $a v128) (param $initial i32) (result i64)
    (i64.add
      (i64.extend_i32_u (local.get $initial))
      (i64.add
        (i64.add (i64.extend_i32_u (i32x4.extract_lane 0 (local.get $a))) (i64.extend_i32_u (i32x4.extract_lane 1 (local.get $a))))
        (i64.add (i64.extend_i32_u (i32x4.extract_lane 2 (local.get $a))) (i64.extend_i32_u (i32x4.extract_lane 3 (local.get $a)))))))

  ;; sum(at, length, initial): length up to 65535 keeps every lane below 2^32.
  (func (export "sum") (param $p i32) (param $n i32) (param $initial i32) (result i32)
    (local $a v128) (local $b v128) (local $end i32) (local $s i64)
    (local.set $end (i32.add (local.get $p) (i32.and (local.get $n) (i32.const -32))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $p)))))
        (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 align=1 (local.get $p)))))
        (local.set $p (i32.add (local.get $p) (i32.const 32)))
        (br $next)))
    (local.set $s (call $lanes (i32x4.add (local.get $a) (local.get $b)) (local.get $initial)))
    (local.set $n (i32.and (local.get $n) (i32.const 31)))
    (block $done
      (loop $next
        (br_if $done (i32.lt_u (local.get $n) (i32.const 4)))
        (local.set $s (i64.add (local.get $s) (i64.load32_u align=1 (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 4)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br $next)))
    (if (i32.ge_u (local.get $n) (i32.const 2))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load16_u align=1 (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 2)))
        (local.set $n (i32.sub (local.get $n) (i32.const 2)))))
    (if (local.get $n) (then (local.set $s (i64.add (local.get $s) (i64.load8_u (local.get $p))))))
    (call $fold (local.get $s)))

  ;; copy(to, from, length): the length is rounded up to 16.
  (func (export "copy") (param $d i32) (param $p i32) (param $n i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $d) (local.get $n)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $d) (local.get $end)))
        (v128.store align=1 (local.get $d) (v128.load align=1 (local.get $p)))
        (local.set $d (i32.add (local.get $d) (i32.const 16)))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (br $next))))

  ;; sumCopy(to, from, length, initial): both in one pass; exactly `length` bytes are written.
  (func (export "sumCopy") (param $d i32) (param $p i32) (param $n i32) (param $initial i32) (result i32)
    (local $a v128) (local $b v128) (local $u v128) (local $v v128) (local $end i32) (local $s i64)
    (local.set $end (i32.add (local.get $p) (i32.and (local.get $n) (i32.const -32))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $u (v128.load align=1 (local.get $p)))
        (local.set $v (v128.load offset=16 align=1 (local.get $p)))
        (v128.store align=1 (local.get $d) (local.get $u))
        (v128.store offset=16 align=1 (local.get $d) (local.get $v))
        (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (local.get $u))))
        (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (local.get $v))))
        (local.set $p (i32.add (local.get $p) (i32.const 32)))
        (local.set $d (i32.add (local.get $d) (i32.const 32)))
        (br $next)))
    (local.set $s (call $lanes (i32x4.add (local.get $a) (local.get $b)) (local.get $initial)))
    (local.set $n (i32.and (local.get $n) (i32.const 31)))
    (block $done
      (loop $next
        (br_if $done (i32.lt_u (local.get $n) (i32.const 4)))
        (local.set $s (i64.add (local.get $s) (i64.load32_u align=1 (local.get $p))))
        (i32.store align=1 (local.get $d) (i32.load align=1 (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 4)))
        (local.set $d (i32.add (local.get $d) (i32.const 4)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br $next)))
    (if (i32.ge_u (local.get $n) (i32.const 2))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load16_u align=1 (local.get $p))))
        (i32.store16 align=1 (local.get $d) (i32.load16_u align=1 (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 2)))
        (local.set $d (i32.add (local.get $d) (i32.const 2)))
        (local.set $n (i32.sub (local.get $n) (i32.const 2)))))
    (if (local.get $n)
      (then
        (local.set $s (i64.add (local.get $s) (i64.load8_u (local.get $p))))
        (i32.store8 (local.get $d) (i32.load8_u (local.get $p)))))
    (call $fold (local.get $s)))
)
