;; Requires an attribute that nobody registered. The start function writes the list into the description: one text at 0xa10.
(data (i32.const 0xa00) "\10\0a\00\00\0a\00\00\00")
(data (i32.const 0xa10) "moon-phase")
(func $start
  (i32.store (i32.const 0x450) (i32.const 0xa00))
  (i32.store (i32.const 0x454) (i32.const 1)))
(start $start)
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.const 0x800))
