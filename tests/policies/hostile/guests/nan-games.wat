;; Reserves the bits of NaNs that it made in every way: with signs and payloads of its own, from zero by zero, from infinities, by
;; rounding and by changing width. What they are is for the processor to say, unless the engine says it.
(func $bits (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
(func $number (param i32) (result f64) (f64.convert_i32_s (i32.load (local.get 0))))
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (local $zero f64) (local $nan f64) (local $bits i64)
  ;; Nothing that a compiler could foretell.
  (local.set $zero (call $number (i32.const 0x9000)))
  (local.set $nan (f64.reinterpret_i64 (i64.or (i64.const 0xfff4000000000bad) (i64.load (i32.const 0x9000)))))
  (local.set $bits (call $bits (f64.div (local.get $zero) (local.get $zero))))
  (local.set $bits (i64.or (local.get $bits) (call $bits (f64.add (local.get $nan) (local.get $zero)))))
  (local.set $bits (i64.or (local.get $bits) (call $bits (f64.mul (local.get $zero) (local.get $nan)))))
  (local.set $bits (i64.or (local.get $bits) (call $bits (f64.sqrt (f64.sub (local.get $zero) (f64.const 1))))))
  (local.set $bits (i64.or (local.get $bits) (call $bits (f64.nearest (local.get $nan)))))
  (local.set $bits (i64.or (local.get $bits) (call $bits (f64.min (local.get $zero) (local.get $nan)))))
  (local.set $bits (i64.or (local.get $bits) (call $bits
    (f64.sub (f64.div (f64.const 1) (local.get $zero)) (f64.div (f64.const 1) (local.get $zero))))))
  (local.set $bits (i64.or (local.get $bits) (call $bits
    (f64.promote_f32 (f32.mul (f32.demote_f64 (local.get $nan)) (f32.demote_f64 (local.get $zero)))))))
  ;; reserve: some
  (i32.store8 (i32.const 0x848) (i32.const 1))
  (i64.store (i32.const 0x850) (local.get $bits))
  (i32.const 0x800))
