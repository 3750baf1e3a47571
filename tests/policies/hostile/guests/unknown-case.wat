;; Answers with a case that `result` does not have.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store8 (i32.const 0x800) (i32.const 9))
  (i32.const 0x800))
