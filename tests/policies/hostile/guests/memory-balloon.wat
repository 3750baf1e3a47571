;; Takes a page and writes to it, until it gets no more.
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (local $page i32)
  (loop $again
    (local.set $page (memory.grow (i32.const 1)))
    (if (i32.eq (local.get $page) (i32.const -1)) (then (unreachable)))
    (i32.store (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1))
    (br $again))
  (unreachable))
