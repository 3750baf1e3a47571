;;; world: include nicety:policy/nic-selection-policy@0.1.0; export nicety:policy/gateway-filter@0.1.0;
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.const 0x800))
(func (export "nicety:policy/gateway-filter@0.1.0#decide") (param i32) (result i32)
  (unreachable))
