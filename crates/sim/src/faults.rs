//! What can go wrong, and what of it does at the moment.
//!
//! A seed draws its faults once, so that they mix: its [`Profile`]. The scenario turns them on and
//! off; disk, objects and network ask.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::world::SimEntropy;

/// One way in which a world fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Power goes: what was not synced is lost, or survives sector by sector.
    PowerLoss,
    /// The disk takes long, and its syncs longer.
    SlowDisk,
    /// Nothing can grow on the disk and among the objects.
    FullDisk,
    /// A sync of the journal fails, and of what was written only some gets to the disk. The next
    /// sync says that all is well, as Linux does.
    FailedSync,
    /// Bits change on the disk and in objects.
    Rot,
    /// Reads bring bytes of another place.
    MisdirectedRead,
    /// Puts of objects fail, some of them although the object is there.
    FailedPut,
    /// Bytes take long on their way, on each connection another time.
    Delay,
    /// A connection ends while bytes are on their way.
    Drop,
    /// For a while nobody reaches anybody.
    Cut,
    /// The clock is set back.
    ClockBack,
    /// Hours pass while the node is off, so that records expire.
    Expiry,
}

impl Fault {
    /// Every one of them.
    pub const ALL: [Self; 12] = [
        Self::PowerLoss,
        Self::SlowDisk,
        Self::FullDisk,
        Self::FailedSync,
        Self::Rot,
        Self::MisdirectedRead,
        Self::FailedPut,
        Self::Delay,
        Self::Drop,
        Self::Cut,
        Self::ClockBack,
        Self::Expiry,
    ];

    /// Those that may last for a whole round.
    pub const STANDING: [Self; 4] = [Self::SlowDisk, Self::FailedPut, Self::Delay, Self::Drop];
}

/// One seed in this many keeps the limits of AWS.
const AWS_ONE_IN: u64 = 4;
/// Each fault is one of a seed with this chance in a hundred.
const FAULT_PERCENT: u64 = 40;

/// What a seed is about.
#[derive(Clone, Debug)]
pub struct Profile {
    faults: BTreeSet<Fault>,
    /// Whether the limits of AWS are kept.
    pub aws_limits: bool,
}

impl Profile {
    /// Draws a profile.
    pub fn draw(entropy: &SimEntropy) -> Self {
        let aws_limits = entropy.one_in(AWS_ONE_IN);
        let drawn = |_: &Fault| entropy.within(0..100) < FAULT_PERCENT;
        Self { faults: Fault::ALL.into_iter().filter(drawn).collect(), aws_limits }
    }

    /// Whether `fault` belongs to the seed.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = if self.aws_limits { "AWS" } else { "relaxed" };
        write!(f, "limits: {limits}, faults: {:?}", self.faults)
    }
}

/// The faults that are on.
#[derive(Debug, Default)]
pub struct Faults(Mutex<BTreeSet<Fault>>);

impl Faults {
    /// Turns a fault on.
    pub fn begin(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(fault);
    }

    /// Turns a fault off, and says whether it was on.
    pub fn end(&self, fault: Fault) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&fault)
    }

    /// Turns all faults off.
    pub fn end_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether a fault is on.
    pub fn is_on(&self, fault: Fault) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&fault)
    }
}
