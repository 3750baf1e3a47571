;;; world: import nicety:policy/log@0.1.0; export nicety:policy/describe@0.1.0;
;; Exports no extension point.
