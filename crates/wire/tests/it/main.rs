//! The wire from outside: what AWS's own serializers send and what they must get back.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod damage;
mod dispatch;
mod faults;
mod golden;
mod legal;
mod model;
mod quick;
mod readers;
mod refusing;
mod round_trip;
mod tree;
