//! The built-in policies in process, behind the same Evaluator, for tests and the benchmark.
