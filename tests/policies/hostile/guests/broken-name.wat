;; Says that its name is something which is not UTF-8.
(func $start (i32.store8 (i32.const 0x400) (i32.const 0xff)))
(start $start)
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.const 0x800))
