//! The wire from outside: what AWS's own serializers send and what they must get back.

mod golden;
mod model;
mod quick;
mod round_trip;
mod tree;
