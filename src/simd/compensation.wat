;; The two loops of rounding with compensation, on vectors of doubles: what a block's candidates lose,
;; and products taken off what lies there, as the errors of a block off the columns behind it. Results are the same on every machine:
;; each is a fixed order of IEEE operations.
;;
;; Nothing here checks bounds: src/simd/kernels.ts lays the memory out.
(module
  (memory (export "memory") 1)

  ;; Rounds a block by four candidates side by side. `fits` is, each for four candidates: one by the
  ;; scale, the scale, the least code and the largest. `factor` is the block's part of it
  ;; [length, length]. Writes, four at each column: codes, and errors as they go to the columns behind;
  ;; then the four losses behind the errors.
  (func (export "tryFour")
    (param $row i32) (param $length i32) (param $factor i32) (param $fits i32) (param $codes i32)
    (param $errors i32)
    (local $at i32) (local $end i32) (local $pitch i32) (local $diagonal i32)
    (local $lossA v128) (local $lossB v128)
    (local.set $at (local.get $errors))
    (local.set $end (i32.add (local.get $errors) (i32.shl (local.get $length) (i32.const 5))))
    (local.set $pitch (i32.shl (local.get $length) (i32.const 3)))
    (loop $widen
      (v128.store (local.get $at) (v128.load64_splat (local.get $row)))
      (v128.store offset=16 (local.get $at) (v128.load64_splat (local.get $row)))
      (local.set $row (i32.add (local.get $row) (i32.const 8)))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br_if $widen (i32.lt_u (local.get $at) (local.get $end))))
    (local.set $at (local.get $errors))
    (local.set $diagonal (local.get $factor))
    (loop $column
      (call $roundPair (local.get $at) (local.get $diagonal) (local.get $fits) (local.get $codes))
      (call $roundPair (i32.add (local.get $at) (i32.const 16)) (local.get $diagonal)
        (i32.add (local.get $fits) (i32.const 16)) (i32.add (local.get $codes) (i32.const 16)))
      (local.set $lossA
        (f64x2.add (local.get $lossA)
          (f64x2.mul (v128.load (local.get $at)) (v128.load (local.get $at)))))
      (local.set $lossB
        (f64x2.add (local.get $lossB)
          (f64x2.mul (v128.load offset=16 (local.get $at)) (v128.load offset=16 (local.get $at)))))
      (call $pushOn (local.get $at) (local.get $end) (local.get $diagonal))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (local.set $codes (i32.add (local.get $codes) (i32.const 32)))
      (local.set $diagonal
        (i32.add (local.get $diagonal) (i32.add (local.get $pitch) (i32.const 8))))
      (br_if $column (i32.lt_u (local.get $at) (local.get $end))))
    (v128.store (local.get $end) (local.get $lossA))
    (v128.store offset=16 (local.get $end) (local.get $lossB)))

  ;; Two candidates' code of a column, and its error in the place of the weight.
  (func $roundPair (param $at i32) (param $diagonal i32) (param $fits i32) (param $codes i32)
    (local $w v128) (local $code v128)
    (local.set $w (v128.load (local.get $at)))
    (local.set $code
      (f64x2.pmin
        (f64x2.pmax
          (f64x2.floor
            (f64x2.add
              (f64x2.mul (local.get $w) (v128.load (local.get $fits)))
              (v128.const f64x2 0.5 0.5)))
          (v128.load offset=64 (local.get $fits)))
        (v128.load offset=96 (local.get $fits))))
    (v128.store (local.get $codes) (local.get $code))
    (v128.store (local.get $at)
      (f64x2.div
        (f64x2.sub
          (local.get $w)
          (f64x2.mul (local.get $code) (v128.load offset=32 (local.get $fits))))
        (v128.load64_splat (local.get $diagonal)))))

  ;; Takes a column's errors off the columns behind it in the block.
  (func $pushOn (param $at i32) (param $end i32) (param $factor i32)
    (local $a v128) (local $b v128) (local $f v128)
    (local.set $a (v128.load (local.get $at)))
    (local.set $b (v128.load offset=16 (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 32)))
    (if (i32.ge_u (local.get $at) (local.get $end)) (then (return)))
    (loop $behind
      (local.set $factor (i32.add (local.get $factor) (i32.const 8)))
      (local.set $f (v128.load64_splat (local.get $factor)))
      (v128.store (local.get $at)
        (f64x2.sub (v128.load (local.get $at)) (f64x2.mul (local.get $a) (local.get $f))))
      (v128.store offset=16 (local.get $at)
        (f64x2.sub (v128.load offset=16 (local.get $at)) (f64x2.mul (local.get $b) (local.get $f))))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br_if $behind (i32.lt_u (local.get $at) (local.get $end)))))

  ;; Takes errors [rows, length] · panel [length, columns] off `to` [rows, columns]. Rows of the panel
  ;; begin `pitch` bytes apart, those of `to` `stride`. Rows are a multiple of two, columns of eight.
  (func (export "spread")
    (param $errors i32) (param $rows i32) (param $length i32) (param $panel i32) (param $pitch i32)
    (param $columns i32) (param $to i32) (param $stride i32)
    (local $left i32) (local $p i32) (local $t i32)
    (loop $pair
      (local.set $left (local.get $columns))
      (local.set $p (local.get $panel))
      (local.set $t (local.get $to))
      (loop $eight
        (call $take (local.get $errors) (local.get $length) (local.get $p) (local.get $pitch)
          (local.get $t) (i32.add (local.get $t) (local.get $stride)))
        (local.set $p (i32.add (local.get $p) (i32.const 64)))
        (local.set $t (i32.add (local.get $t) (i32.const 64)))
        (br_if $eight (local.tee $left (i32.sub (local.get $left) (i32.const 8)))))
      (local.set $errors (i32.add (local.get $errors) (i32.shl (local.get $length) (i32.const 4))))
      (local.set $to (i32.add (local.get $to) (i32.shl (local.get $stride) (i32.const 1))))
      (br_if $pair (local.tee $rows (i32.sub (local.get $rows) (i32.const 2))))))

  ;; Eight columns of two rows.
  (func $take
    (param $errors i32) (param $length i32) (param $p i32) (param $pitch i32) (param $t i32)
    (param $t1 i32)
    (local $next i32) (local $end i32) (local $e v128) (local $e1 v128) (local $f v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $a1 v128) (local $b1 v128) (local $c1 v128) (local $d1 v128)
    (local.set $end (i32.add (local.get $errors) (i32.shl (local.get $length) (i32.const 3))))
    (local.set $next (local.get $end))
    (local.set $a (v128.load (local.get $t)))
    (local.set $b (v128.load offset=16 (local.get $t)))
    (local.set $c (v128.load offset=32 (local.get $t)))
    (local.set $d (v128.load offset=48 (local.get $t)))
    (local.set $a1 (v128.load (local.get $t1)))
    (local.set $b1 (v128.load offset=16 (local.get $t1)))
    (local.set $c1 (v128.load offset=32 (local.get $t1)))
    (local.set $d1 (v128.load offset=48 (local.get $t1)))
    (loop $error
      (local.set $e (v128.load64_splat (local.get $errors)))
      (local.set $e1 (v128.load64_splat (local.get $next)))
      (local.set $f (v128.load (local.get $p)))
      (local.set $a (f64x2.sub (local.get $a) (f64x2.mul (local.get $e) (local.get $f))))
      (local.set $a1 (f64x2.sub (local.get $a1) (f64x2.mul (local.get $e1) (local.get $f))))
      (local.set $f (v128.load offset=16 (local.get $p)))
      (local.set $b (f64x2.sub (local.get $b) (f64x2.mul (local.get $e) (local.get $f))))
      (local.set $b1 (f64x2.sub (local.get $b1) (f64x2.mul (local.get $e1) (local.get $f))))
      (local.set $f (v128.load offset=32 (local.get $p)))
      (local.set $c (f64x2.sub (local.get $c) (f64x2.mul (local.get $e) (local.get $f))))
      (local.set $c1 (f64x2.sub (local.get $c1) (f64x2.mul (local.get $e1) (local.get $f))))
      (local.set $f (v128.load offset=48 (local.get $p)))
      (local.set $d (f64x2.sub (local.get $d) (f64x2.mul (local.get $e) (local.get $f))))
      (local.set $d1 (f64x2.sub (local.get $d1) (f64x2.mul (local.get $e1) (local.get $f))))
      (local.set $p (i32.add (local.get $p) (local.get $pitch)))
      (local.set $errors (i32.add (local.get $errors) (i32.const 8)))
      (local.set $next (i32.add (local.get $next) (i32.const 8)))
      (br_if $error (i32.lt_u (local.get $errors) (local.get $end))))
    (v128.store (local.get $t) (local.get $a))
    (v128.store offset=16 (local.get $t) (local.get $b))
    (v128.store offset=32 (local.get $t) (local.get $c))
    (v128.store offset=48 (local.get $t) (local.get $d))
    (v128.store (local.get $t1) (local.get $a1))
    (v128.store offset=16 (local.get $t1) (local.get $b1))
    (v128.store offset=32 (local.get $t1) (local.get $c1))
    (v128.store offset=48 (local.get $t1) (local.get $d1))))
