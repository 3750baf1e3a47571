//! The contract as wasmtime's binding generator sees it. Nothing of this leaves the crate: `convert` turns it into `nicety_core`
//! types at once.

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package nicety:engine;
        // One world for all kinds, so that the types they share are generated once. A policy exports one of the four.
        world every-kind {
            import nicety:policy/log@0.1.0;
            export nicety:policy/describe@0.1.0;
            export nicety:policy/attach@0.1.0;
            export nicety:policy/nic-selection@0.1.0;
            export nicety:policy/gateway-filter@0.1.0;
            export nicety:policy/gateway-distribution@0.1.0;
        }
    ",
});
