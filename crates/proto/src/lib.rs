//! Generated gRPC code, the descriptor set, and conversions of shared values.
//!
//! The generated modules follow the packages: [`common::v1`], [`log::v1`], [`contract::v1`],
//! [`recognition::v1`], [`reporting::v1`]. Messages never travel beyond a slice's `convert.rs`.

mod generated;

pub mod convert;
pub mod fields;

pub use fields::{FieldViolation, Fields};
pub use generated::backlog::{common, contract, log, recognition, reporting};
pub use generated::google;

/// Every message, enum and service of the wire as a serialized `google.protobuf.FileDescriptorSet`,
/// with the comments of the `.proto` files.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/backlog.binpb"));

#[cfg(test)]
mod descriptor_tests;
