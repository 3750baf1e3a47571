;; Gives a reason that is not UTF-8.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store8 (i32.const 0x880) (i32.const 0xff))
  (i32.const 0x800))
