;; What every guest of this folder has: a memory of 256 KiB, a bump allocator, and an innocent description. A guest's own fields stand
;; before it in the same module. Each run is a fresh instance, so nothing is ever freed.
;;
;; Layout: texts and records below 8192, what the host passes in from 65536 on.
(memory (export "memory") 4)
(global $free (mut i32) (i32.const 65536))

(func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at
    (i32.and
      (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
  (global.set $free (i32.add (local.get $at) (local.get $size)))
  (local.get $at))

(data (i32.const 0x400) "hostile")
(data (i32.const 0x410) "0.1.0")
(data (i32.const 0x420) "{}")
;; name, version, summary, config-schema: address and length each; requires and wants: empty
(data (i32.const 0x430)
  "\00\04\00\00\07\00\00\00" "\10\04\00\00\05\00\00\00" "\00\04\00\00\07\00\00\00" "\20\04\00\00\02\00\00\00"
  "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
(func (export "nicety:policy/describe@0.1.0#describe") (result i32)
  (i32.const 0x430))
;; Ok, without findings
(func (export "nicety:policy/describe@0.1.0#validate-config") (param i32 i32) (result i32)
  (i32.const 0x480))

;; The selection { chosen: [{ candidate: 0, reserve: none, reason: "first" }], dropped: [], attributes: [] } at 0x800: the
;; discriminant of `ok`, then address and length of each list.
(data (i32.const 0x800) "\00\00\00\00" "\40\08\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
(data (i32.const 0x840)
  "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\80\08\00\00\05\00\00\00")
(data (i32.const 0x880) "first")
