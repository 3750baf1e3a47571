;; Chooses a NIC that was not on offer.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store (i32.const 0x840) (i32.const 7))
  (i32.const 0x800))
