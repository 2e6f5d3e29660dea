//! Weir's own operations: each is carried out by the service that owns what it is about.

use wire::AdminHandlers;

/// Hands every operation to its service.
pub(crate) struct Admin;

impl AdminHandlers for Admin {}
