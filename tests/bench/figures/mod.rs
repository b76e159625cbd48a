//! The figures, one file each.

pub(crate) mod b1;
pub(crate) mod b10;
pub(crate) mod b3;
pub(crate) mod b5;
pub(crate) mod b6;
pub(crate) mod b8;
pub(crate) mod b9;
pub(crate) mod l1;
pub(crate) mod memory;
