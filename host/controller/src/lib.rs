//! The cluster's side: an imperative shell around `nicety_core::cluster`, as the daemon is one around decisions. It watches, lets the
//! core compute what should be there, and writes the difference.
