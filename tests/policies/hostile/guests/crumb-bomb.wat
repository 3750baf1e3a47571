;; Four million verdicts of one byte each: 48 MB here, 310 and four million allocations for a host that copies them.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (local $at i32)
  (drop (memory.grow (i32.const 740)))
  (local.set $at (i32.const 0x40000))
  (loop $again
    (i32.store offset=8 (local.get $at) (i32.const 1))
    (local.set $at (i32.add (local.get $at) (i32.const 12)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 48262144))))
  (i32.store (i32.const 0x80c) (i32.const 0x40000))
  (i32.store (i32.const 0x810) (i32.const 4000000))
  (i32.const 0x800))
