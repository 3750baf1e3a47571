;; Would choose candidate 0 the first time and another one the next, if anything of it outlived a decision.
(global $times (mut i32) (i32.const 0))
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store (i32.const 0x840) (i32.add (global.get $times) (i32.load (i32.const 0x9000))))
  (global.set $times (i32.const 1))
  (i32.store (i32.const 0x9000) (i32.const 1))
  (i32.const 0x800))
