(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (unreachable))
