;;; world: include nicety:policy/attach-policy@0.1.0;
;; Two attachments of one name. A request has 176 bytes, and zero is none, false or empty in each of its fields; its ifname is an
;; option at byte 4.
(data (i32.const 0x900) "net1")
(data (i32.const 0xa04) "\01\00\00\00" "\00\09\00\00\04\00\00\00")
(data (i32.const 0xab4) "\01\00\00\00" "\00\09\00\00\04\00\00\00")
;; `ok` of that list
(data (i32.const 0x980) "\00\00\00\00" "\00\0a\00\00\02\00\00\00")
(func (export "nicety:policy/attach@0.1.0#decide") (param i32) (result i32)
  (i32.const 0x980))
