;; Chooses one NIC twice, and drops it too.
(data (i32.const 0xa00)
  "\00\00\00\00" "\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\80\08\00\00\05\00\00\00"
  "\00\00\00\00" "\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\80\08\00\00\05\00\00\00")
(data (i32.const 0xa40) "\00\00\00\00" "\80\08\00\00\05\00\00\00")
(func (export "nicety:policy/nic-selection@0.1.0#decide") (param i32) (result i32)
  (i32.store (i32.const 0x804) (i32.const 0xa00))
  (i32.store (i32.const 0x808) (i32.const 2))
  (i32.store (i32.const 0x80c) (i32.const 0xa40))
  (i32.store (i32.const 0x810) (i32.const 1))
  (i32.const 0x800))
