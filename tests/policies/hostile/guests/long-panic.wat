;; Panics as a guest's runtime does, with a message of 60,000 bytes in its log first.
(import "nicety:policy/log@0.1.0" "emit" (func $emit (param i32 i32 i32)))
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (memory.fill (i32.const 0x10000) (i32.const 0x21) (i32.const 60000))
  (call $emit (i32.const 2) (i32.const 0x10000) (i32.const 60000))
  (unreachable))
