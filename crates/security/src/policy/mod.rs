//! IAM policies: documents read strictly, and a decision that is a pure function of the
//! principal, its policies, the resource's policy, the action, the resource and the request.
//!
//! ```text
//!  text ── document ── Policy { statements } ─┐
//!                                             ├── decide ── Decision { outcome, statements }
//!  who, action, resource, condition keys ─────┘
//! ```
//!
//! Invariants: nothing is allowed that no statement allows, except to the root of the resource's
//! own account. An explicit deny wins over everything. No bytes make the reader panic, and what
//! it reads is bounded by [`POLICY_BYTES_MAX`].

mod condition;
mod decision;
mod document;
mod pattern;
mod principal;
mod value;
mod who;

pub use decision::{Deciding, Decision, Outcome, Request, Resource, decide};
pub use document::{Attached, Malformed, POLICY_BYTES_MAX, Policy, PolicyKind};
pub use principal::{Principal, PrincipalKind};

/// Gives the values of a condition key, by its name in lower case; none if the request lacks it.
pub type Keys<'a> = dyn Fn(&str) -> Option<Vec<String>> + 'a;
