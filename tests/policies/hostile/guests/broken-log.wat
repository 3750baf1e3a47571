;; Logs what is not UTF-8.
(import "nicety:policy/log@0.1.0" "emit" (func $emit (param i32 i32 i32)))
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store8 (i32.const 0x880) (i32.const 0xff))
  (call $emit (i32.const 1) (i32.const 0x880) (i32.const 5))
  (i32.const 0x800))
