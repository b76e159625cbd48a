//! The recognition service.
