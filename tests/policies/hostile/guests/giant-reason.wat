;; Gives a reason of 10,000,000 bytes.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (drop (memory.grow (i32.const 160)))
  (memory.fill (i32.const 0x10000) (i32.const 0x21) (i32.const 10000000))
  (i32.store (i32.const 0x858) (i32.const 0x10000))
  (i32.store (i32.const 0x85c) (i32.const 10000000))
  (i32.const 0x800))
