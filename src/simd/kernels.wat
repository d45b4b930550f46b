;; The two loops that rounding spends its time in, on vectors. Results are the same on every machine:
;; each is a fixed order of IEEE operations.
;;
;; Nothing here checks bounds: src/simd/kernels.ts lays the memory out.
(module
  (memory (export "memory") 1)

  ;; Of the block in work: what of its Σw² the best codes explain, and their scale.
  (global $score (mut f64) (f64.const 0))
  (global $scale (mut f64) (f64.const 0))
  (global $zero (mut f64) (f64.const 0))

  ;; The least and the largest weight of the block in work, or 0.
  (global $least (mut f64) (f64.const 0))
  (global $largest (mut f64) (f64.const 0))

  ;; Finds the scale and the zero point of every block of `rows` rows, which begin `columns` floats
  ;; apart. Factors, doubles, are the ranges that are tried, as parts of the block's own. Scratch has
  ;; room for a block of doubles and two vectors. Writes a pair of doubles for each block.
  (func (export "fit")
    (param $weights i32) (param $rows i32) (param $columns i32) (param $blockSize i32)
    (param $most f64) (param $symmetric i32)
    (param $factors i32) (param $factorsEnd i32) (param $scratch i32) (param $out i32)
    (local $left i32) (local $count i32) (local $end i32) (local $factor i32) (local $start f64)
    (loop $row
      (local.set $left (local.get $columns))
      (loop $block
        (local.set $count (local.get $blockSize))
        (if (i32.lt_s (local.get $left) (local.get $blockSize))
          (then (local.set $count (local.get $left))))
        (local.set $end (call $widen (local.get $weights) (local.get $count) (local.get $scratch)))
        (local.set $start (call $begin (local.get $most) (local.get $symmetric)))
        (local.set $factor (local.get $factors))
        (loop $try
          (call $consider (local.get $scratch) (local.get $end) (local.get $most)
            (f64.mul (local.get $start) (f64.load (local.get $factor))))
          (local.set $factor (i32.add (local.get $factor) (i32.const 8)))
          (br_if $try (i32.lt_u (local.get $factor) (local.get $factorsEnd))))
        ;; once more with the best scale, which no range gave
        (call $consider (local.get $scratch) (local.get $end) (local.get $most)
          (global.get $scale))
        (f64.store (local.get $out) (global.get $scale))
        (f64.store offset=8 (local.get $out) (global.get $zero))
        (local.set $out (i32.add (local.get $out) (i32.const 16)))
        (local.set $weights
          (i32.add (local.get $weights) (i32.shl (local.get $count) (i32.const 2))))
        (local.set $left (i32.sub (local.get $left) (local.get $count)))
        (br_if $block (local.get $left)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows))))

  ;; A block as doubles in scratch, with zeros up to a multiple of four, and its bounds; gives the
  ;; end of it.
  (func $widen (param $weights i32) (param $count i32) (param $out i32) (result i32)
    (local $end i32) (local $w v128) (local $low v128) (local $high v128)
    (local.set $end (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 3))))
    (loop $pair
      (if (i32.eq (local.get $count) (i32.const 1))
        (then (local.set $w (f64x2.promote_low_f32x4 (v128.load32_zero (local.get $weights)))))
        (else (local.set $w (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $weights))))))
      (local.set $low (f64x2.pmin (local.get $low) (local.get $w)))
      (local.set $high (f64x2.pmax (local.get $high) (local.get $w)))
      (v128.store (local.get $out) (local.get $w))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (local.set $weights (i32.add (local.get $weights) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 2)))
      (br_if $pair (i32.gt_s (local.get $count) (i32.const 0))))
    (v128.store (local.get $out) (v128.const i32x4 0 0 0 0))
    (global.set $least
      (f64.min (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))
    (global.set $largest
      (f64.max (f64x2.extract_lane 0 (local.get $high)) (f64x2.extract_lane 1 (local.get $high))))
    (local.get $out))

  ;; Forgets the block before, chooses the zero point, and gives the scale of the block's own range.
  (func $begin (param $most f64) (param $symmetric i32) (result f64)
    (local $start f64)
    (global.set $score (f64.const 0))
    (global.set $scale (f64.const 0))
    (if (result f64) (local.get $symmetric)
      (then
        ;; the weight of the largest magnitude becomes the lowest code, one step farther out
        (global.set $zero (f64.div (f64.add (local.get $most) (f64.const 1)) (f64.const 2)))
        (f64.div
          (select
            (f64.neg (global.get $least))
            (f64.neg (global.get $largest))
            (f64.gt (f64.neg (global.get $least)) (global.get $largest)))
          (global.get $zero)))
      (else
        ;; the codes reach from the least weight to the largest, and 0 is one of them
        (local.set $start
          (f64.div (f64.sub (global.get $largest) (global.get $least)) (local.get $most)))
        (global.set $zero
          (select
            (f64.const 0)
            (f64.nearest (f64.div (f64.neg (global.get $least)) (local.get $start)))
            (f64.eq (local.get $start) (f64.const 0))))
        (local.get $start))))

  ;; The codes of a candidate with the scale that suits them, where that beats what was found. With
  ;; the best scale for given codes c, counted from the zero point, the error is Σw² - (Σcw)² / Σc².
  (func $consider (param $at i32) (param $end i32) (param $most f64) (param $scale f64)
    (local $inverse v128) (local $low v128) (local $high v128) (local $w v128) (local $c v128)
    (local $product v128) (local $square v128) (local $product2 v128) (local $square2 v128)
    (local $p f64) (local $s f64) (local $found f64)
    (if (f64.eq (local.get $scale) (f64.const 0)) (then (return)))
    (local.set $inverse (f64x2.splat (f64.div (f64.const 1) (local.get $scale))))
    (local.set $low (f64x2.splat (f64.neg (global.get $zero))))
    (local.set $high (f64x2.splat (f64.sub (local.get $most) (global.get $zero))))
    ;; two sums of each kind, so that no step waits for the one before
    (loop $four
      (local.set $w (v128.load (local.get $at)))
      (local.set $c
        (f64x2.pmin
          (f64x2.pmax
            (f64x2.nearest (f64x2.mul (local.get $w) (local.get $inverse)))
            (local.get $low))
          (local.get $high)))
      (local.set $product
        (f64x2.add (local.get $product) (f64x2.mul (local.get $c) (local.get $w))))
      (local.set $square
        (f64x2.add (local.get $square) (f64x2.mul (local.get $c) (local.get $c))))
      (local.set $w (v128.load offset=16 (local.get $at)))
      (local.set $c
        (f64x2.pmin
          (f64x2.pmax
            (f64x2.nearest (f64x2.mul (local.get $w) (local.get $inverse)))
            (local.get $low))
          (local.get $high)))
      (local.set $product2
        (f64x2.add (local.get $product2) (f64x2.mul (local.get $c) (local.get $w))))
      (local.set $square2
        (f64x2.add (local.get $square2) (f64x2.mul (local.get $c) (local.get $c))))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br_if $four (i32.lt_u (local.get $at) (local.get $end))))
    (local.set $product (f64x2.add (local.get $product) (local.get $product2)))
    (local.set $square (f64x2.add (local.get $square) (local.get $square2)))
    (local.set $p
      (f64.add
        (f64x2.extract_lane 0 (local.get $product))
        (f64x2.extract_lane 1 (local.get $product))))
    (local.set $s
      (f64.add
        (f64x2.extract_lane 0 (local.get $square))
        (f64x2.extract_lane 1 (local.get $square))))
    (local.set $found (f64.div (f64.mul (local.get $p) (local.get $p)) (local.get $s)))
    (if (f64.gt (local.get $found) (global.get $score))
      (then
        (global.set $score (local.get $found))
        (global.set $scale (f64.div (local.get $p) (local.get $s))))))

  ;; x [rows, stride / 4] · weightᵀ [stride / 4, columns] → out [rows, columns], floats. Strides are
  ;; bytes, multiples of 16; rows are a multiple of 4, columns of 2. Four rows of x stay in the
  ;; nearest cache while the weight's rows come by.
  (func (export "product")
    (param $x i32) (param $rows i32) (param $weight i32) (param $columns i32) (param $stride i32)
    (param $out i32)
    (local $pitch i32) (local $w i32) (local $to i32) (local $o i32)
    (local.set $pitch (i32.shl (local.get $columns) (i32.const 2)))
    (loop $panel
      (local.set $w (local.get $weight))
      (local.set $o (local.get $out))
      (local.set $to (i32.add (local.get $out) (local.get $pitch)))
      (loop $pair
        (call $block (local.get $x) (local.get $w) (local.get $stride) (local.get $o)
          (local.get $pitch))
        (local.set $w (i32.add (local.get $w) (i32.shl (local.get $stride) (i32.const 1))))
        (local.set $o (i32.add (local.get $o) (i32.const 8)))
        (br_if $pair (i32.lt_u (local.get $o) (local.get $to))))
      (local.set $x (i32.add (local.get $x) (i32.shl (local.get $stride) (i32.const 2))))
      (local.set $out (i32.add (local.get $out) (i32.shl (local.get $pitch) (i32.const 2))))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 4)))
      (br_if $panel (local.get $rows))))

  ;; Four rows of x with two of the weight.
  (func $block (param $x i32) (param $w i32) (param $stride i32) (param $out i32) (param $pitch i32)
    (local $x1 i32) (local $x2 i32) (local $x3 i32) (local $w1 i32) (local $end i32)
    (local $a v128) (local $b v128) (local $v v128)
    (local $s00 v128) (local $s01 v128) (local $s10 v128) (local $s11 v128)
    (local $s20 v128) (local $s21 v128) (local $s30 v128) (local $s31 v128)
    (local.set $x1 (i32.add (local.get $x) (local.get $stride)))
    (local.set $x2 (i32.add (local.get $x1) (local.get $stride)))
    (local.set $x3 (i32.add (local.get $x2) (local.get $stride)))
    (local.set $w1 (i32.add (local.get $w) (local.get $stride)))
    (local.set $end (local.get $w1))
    (loop $four
      (local.set $a (v128.load (local.get $w)))
      (local.set $b (v128.load (local.get $w1)))
      (local.set $v (v128.load (local.get $x)))
      (local.set $s00 (f32x4.add (local.get $s00) (f32x4.mul (local.get $v) (local.get $a))))
      (local.set $s01 (f32x4.add (local.get $s01) (f32x4.mul (local.get $v) (local.get $b))))
      (local.set $v (v128.load (local.get $x1)))
      (local.set $s10 (f32x4.add (local.get $s10) (f32x4.mul (local.get $v) (local.get $a))))
      (local.set $s11 (f32x4.add (local.get $s11) (f32x4.mul (local.get $v) (local.get $b))))
      (local.set $v (v128.load (local.get $x2)))
      (local.set $s20 (f32x4.add (local.get $s20) (f32x4.mul (local.get $v) (local.get $a))))
      (local.set $s21 (f32x4.add (local.get $s21) (f32x4.mul (local.get $v) (local.get $b))))
      (local.set $v (v128.load (local.get $x3)))
      (local.set $s30 (f32x4.add (local.get $s30) (f32x4.mul (local.get $v) (local.get $a))))
      (local.set $s31 (f32x4.add (local.get $s31) (f32x4.mul (local.get $v) (local.get $b))))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (local.set $x1 (i32.add (local.get $x1) (i32.const 16)))
      (local.set $x2 (i32.add (local.get $x2) (i32.const 16)))
      (local.set $x3 (i32.add (local.get $x3) (i32.const 16)))
      (local.set $w1 (i32.add (local.get $w1) (i32.const 16)))
      (local.set $w (i32.add (local.get $w) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $w) (local.get $end))))
    (call $put (local.get $out) (local.get $s00) (local.get $s01))
    (local.set $out (i32.add (local.get $out) (local.get $pitch)))
    (call $put (local.get $out) (local.get $s10) (local.get $s11))
    (local.set $out (i32.add (local.get $out) (local.get $pitch)))
    (call $put (local.get $out) (local.get $s20) (local.get $s21))
    (local.set $out (i32.add (local.get $out) (local.get $pitch)))
    (call $put (local.get $out) (local.get $s30) (local.get $s31)))

  ;; The sums of two vectors' lanes, side by side.
  (func $put (param $out i32) (param $a v128) (param $b v128)
    (f32.store (local.get $out) (call $sum (local.get $a)))
    (f32.store offset=4 (local.get $out) (call $sum (local.get $b))))

  (func $sum (param $v v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $v)) (f32x4.extract_lane 1 (local.get $v)))
      (f32.add (f32x4.extract_lane 2 (local.get $v)) (f32x4.extract_lane 3 (local.get $v))))))
