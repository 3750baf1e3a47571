//! Compiles a policy from stdin to stdout, as `nicety engine compile` does: the child of the engine that the tests run.

fn main() {
    nicety_engine::compile::child_main()
}
