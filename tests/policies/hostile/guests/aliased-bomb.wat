;; 1,000 choices whose reasons are all the same 100,000 bytes: 32 kB here, 100 MB for a host that copies them.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (local $at i32)
  (local.set $at (i32.const 0x20000))
  (loop $again
    (i32.store offset=24 (local.get $at) (i32.const 0))
    (i32.store offset=28 (local.get $at) (i32.const 100000))
    (local.set $at (i32.add (local.get $at) (i32.const 32)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 0x27d00))))
  (i32.store (i32.const 0x804) (i32.const 0x20000))
  (i32.store (i32.const 0x808) (i32.const 1000))
  (i32.const 0x800))
