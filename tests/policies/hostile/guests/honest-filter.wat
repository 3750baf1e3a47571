;;; world: include nicety:policy/gateway-filter-policy@0.1.0;
;; Allows the first gateway to the one endpoint: `ok` of the list [1].
(data (i32.const 0x900) "\00\00\00\00" "\10\09\00\00\01\00\00\00" "\00\00\00\00" "\01\00\00\00\00\00\00\00")
(func (export "nicety:policy/gateway-filter@0.1.0#decide") (param i32) (result i32)
  (i32.const 0x900))
