;; Answers with a list of 4,294,967,295 choices.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store (i32.const 0x808) (i32.const -1))
  (i32.const 0x800))
