//! Who decides: strategy sets, chains and review over an Evaluator.
