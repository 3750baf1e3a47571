//! Rows of the specifications and reference systems that Nicety is held to. Each row carries its id; where the reference
//! system is wrong, the row states what is right instead.

mod cni;
mod ipam;
mod selection;
