//! nic-selection: the masters that were asked for, else the pool in order.
