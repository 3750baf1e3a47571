//! What a policy author depends on: the contract as types, and a macro that makes a component of a pure function.
