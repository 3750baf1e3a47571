;; Panics with a message that is larger than any answer may be.
(import "nicety:policy/log@0.1.0" "emit" (func $emit (param i32 i32 i32)))
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (drop (memory.grow (i32.const 160)))
  (memory.fill (i32.const 0x10000) (i32.const 0x21) (i32.const 10000000))
  (call $emit (i32.const 2) (i32.const 0x10000) (i32.const 10000000))
  (unreachable))
