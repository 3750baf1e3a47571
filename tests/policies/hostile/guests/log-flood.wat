;; 20,000 lines of 1,000 bytes, and as many empty ones.
(import "nicety:policy/log@0.1.0" "emit" (func $emit (param i32 i32 i32)))
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (local $left i32)
  (local.set $left (i32.const 20000))
  (loop $again
    (call $emit (i32.const 1) (i32.const 0x4000) (i32.const 1000))
    (call $emit (i32.const 2) (i32.const 0x4000) (i32.const 0))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (i32.const 0x800))
