;; The two sums of attention, on vectors: scores of a query, and what weights take from values. A head
;; is a multiple of 64 bytes; strides are bytes from one position's head to the next one's. Results
;; are the same on every machine: each is a fixed order of IEEE operations.
;;
;; Nothing here checks bounds: src/simd/kernels.ts lays the memory out.
(module
  (memory (export "memory") 1)

  ;; Σ q k of `count` keys, a multiple of four: out [count], floats.
  (func (export "scores")
    (param $q i32) (param $key i32) (param $count i32) (param $stride i32) (param $bytes i32)
    (param $out i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 2))))
    (loop $four
      (call $score (local.get $q) (local.get $key) (local.get $stride) (local.get $bytes)
        (local.get $out))
      (local.set $key (i32.add (local.get $key) (i32.shl (local.get $stride) (i32.const 2))))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $out) (local.get $end)))))

  ;; Of four keys.
  (func $score
    (param $q i32) (param $k i32) (param $stride i32) (param $bytes i32) (param $out i32)
    (local $k1 i32) (local $k2 i32) (local $k3 i32) (local $end i32)
    (local $v v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $k1 (i32.add (local.get $k) (local.get $stride)))
    (local.set $k2 (i32.add (local.get $k1) (local.get $stride)))
    (local.set $k3 (i32.add (local.get $k2) (local.get $stride)))
    (local.set $end (i32.add (local.get $q) (local.get $bytes)))
    (loop $lanes
      (local.set $v (v128.load (local.get $q)))
      (local.set $a
        (f32x4.add (local.get $a) (f32x4.mul (local.get $v) (v128.load (local.get $k)))))
      (local.set $b
        (f32x4.add (local.get $b) (f32x4.mul (local.get $v) (v128.load (local.get $k1)))))
      (local.set $c
        (f32x4.add (local.get $c) (f32x4.mul (local.get $v) (v128.load (local.get $k2)))))
      (local.set $d
        (f32x4.add (local.get $d) (f32x4.mul (local.get $v) (v128.load (local.get $k3)))))
      (local.set $v (v128.load offset=16 (local.get $q)))
      (local.set $a
        (f32x4.add (local.get $a) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k)))))
      (local.set $b
        (f32x4.add (local.get $b) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k1)))))
      (local.set $c
        (f32x4.add (local.get $c) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k2)))))
      (local.set $d
        (f32x4.add (local.get $d) (f32x4.mul (local.get $v) (v128.load offset=16 (local.get $k3)))))
      (local.set $k (i32.add (local.get $k) (i32.const 32)))
      (local.set $k1 (i32.add (local.get $k1) (i32.const 32)))
      (local.set $k2 (i32.add (local.get $k2) (i32.const 32)))
      (local.set $k3 (i32.add (local.get $k3) (i32.const 32)))
      (local.set $q (i32.add (local.get $q) (i32.const 32)))
      (br_if $lanes (i32.lt_u (local.get $q) (local.get $end))))
    (f32.store (local.get $out) (call $sum (local.get $a)))
    (f32.store offset=4 (local.get $out) (call $sum (local.get $b)))
    (f32.store offset=8 (local.get $out) (call $sum (local.get $c)))
    (f32.store offset=12 (local.get $out) (call $sum (local.get $d))))

  ;; Σ w v over `count` weights, floats, and the values of as many positions: a head of out.
  (func (export "mix")
    (param $weights i32) (param $count i32) (param $value i32) (param $stride i32)
    (param $bytes i32) (param $out i32)
    (local $end i32) (local $last i32)
    (local.set $end (i32.add (local.get $out) (local.get $bytes)))
    (local.set $last (i32.add (local.get $weights) (i32.shl (local.get $count) (i32.const 2))))
    (loop $part
      (call $part (local.get $weights) (local.get $last) (local.get $value) (local.get $stride)
        (local.get $out))
      (local.set $value (i32.add (local.get $value) (i32.const 64)))
      (local.set $out (i32.add (local.get $out) (i32.const 64)))
      (br_if $part (i32.lt_u (local.get $out) (local.get $end)))))

  ;; Of 64 bytes.
  (func $part
    (param $w i32) (param $last i32) (param $v i32) (param $stride i32) (param $out i32)
    (local $weight v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $position
      (local.set $weight (v128.load32_splat (local.get $w)))
      (local.set $a
        (f32x4.add (local.get $a) (f32x4.mul (local.get $weight) (v128.load (local.get $v)))))
      (local.set $b
        (f32x4.add (local.get $b)
          (f32x4.mul (local.get $weight) (v128.load offset=16 (local.get $v)))))
      (local.set $c
        (f32x4.add (local.get $c)
          (f32x4.mul (local.get $weight) (v128.load offset=32 (local.get $v)))))
      (local.set $d
        (f32x4.add (local.get $d)
          (f32x4.mul (local.get $weight) (v128.load offset=48 (local.get $v)))))
      (local.set $v (i32.add (local.get $v) (local.get $stride)))
      (local.set $w (i32.add (local.get $w) (i32.const 4)))
      (br_if $position (i32.lt_u (local.get $w) (local.get $last))))
    (v128.store (local.get $out) (local.get $a))
    (v128.store offset=16 (local.get $out) (local.get $b))
    (v128.store offset=32 (local.get $out) (local.get $c))
    (v128.store offset=48 (local.get $out) (local.get $d)))

  (func $sum (param $v v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $v)) (f32x4.extract_lane 1 (local.get $v)))
      (f32.add (f32x4.extract_lane 2 (local.get $v)) (f32x4.extract_lane 3 (local.get $v))))))
