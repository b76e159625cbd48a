//! What the build script generated from `/proto`: not ours to format or to document.
#![expect(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/backlog.rs"));
