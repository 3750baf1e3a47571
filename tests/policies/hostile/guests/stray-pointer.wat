;; Answers with a list that lies outside of its memory.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store (i32.const 0x804) (i32.const 0x3fff8))
  (i32.const 0x800))
