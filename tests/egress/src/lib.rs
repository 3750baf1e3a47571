//! Holds nothing: the promises are in `tests/egress`, the figures in `nicety-egress-bench`.
