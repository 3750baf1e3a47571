;; Loops for nine tenths of the fuel that it has by default, and then answers as if nothing had been.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (local $left i32)
  (local.set $left (i32.const 9000000))
  (loop $again
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (i32.const 0x800))
