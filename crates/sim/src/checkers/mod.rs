//! What must hold of a history.

pub mod lineage;
pub mod order;
pub mod reads;
pub mod records;
pub mod throttle;
