//! Promises that only a real API server can judge.
