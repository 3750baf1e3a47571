(table $elements 1 funcref)
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (loop $again
    (br_if $again (i32.ne (table.grow $elements (ref.null func) (i32.const 1000)) (i32.const -1))))
  (unreachable))
