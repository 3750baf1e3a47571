;; Says of its config's schema that it is `{]`.
(func $start (i32.store8 (i32.const 0x421) (i32.const 0x5d)))
(start $start)
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.const 0x800))
