//! The limits of the control plane that `aws` keeps and `relaxed` only counts, and the counts of
//! both.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use runtime::Meters;

use super::rates::Rated;
use crate::config::Mode;

/// What an account, or a stream, has so much of and not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quota {
    /// Calls of an operation in a second.
    Calls(Rated),
    /// Streams that are CREATING or DELETING.
    StreamsInTransition,
    /// Streams that scale themselves.
    OnDemandStreams,
    /// Calls of UpdateShardCount in a day.
    ShardCountUpdates,
    /// Calls of UpdateStreamMode in a day.
    ModeChanges,
    /// Starts, or stops, of encryption in a day.
    EncryptionChanges,
    /// Enhanced fan-out consumers of a stream.
    Consumers,
    /// Those of them that are CREATING.
    ConsumersCreating,
}

/// Says whether what is over a quota is refused, and counts it either way.
#[derive(Debug)]
pub(crate) struct Quotas {
    mode: Mode,
    refused: Family<Label, Counter>,
    let_through: Family<Label, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    quota: &'static str,
}

impl Quota {
    fn name(self) -> &'static str {
        match self {
            Self::Calls(rated) => rated.name(),
            Self::StreamsInTransition => "StreamsInTransition",
            Self::OnDemandStreams => "OnDemandStreams",
            Self::ShardCountUpdates => "ShardCountUpdatesPerDay",
            Self::ModeChanges => "ModeChangesPerDay",
            Self::EncryptionChanges => "EncryptionChangesPerDay",
            Self::Consumers => "Consumers",
            Self::ConsumersCreating => "ConsumersCreating",
        }
    }
}

impl Quotas {
    pub(crate) fn new(mode: Mode, meters: &Meters) -> Self {
        let quotas = Self { mode, refused: Family::default(), let_through: Family::default() };
        meters.register(
            "weir_streams_quota_refused",
            "requests refused because a rate of the control plane or a quota was used up",
            quotas.refused.clone(),
        );
        meters.register(
            "weir_streams_quota_let_through",
            "requests that AWS would have refused so and this node did not (limits.mode = relaxed)",
            quotas.let_through.clone(),
        );
        quotas
    }

    /// Something is over `quota`: whether that is a refusal.
    pub(crate) fn refuses(&self, quota: Quota) -> bool {
        let refused = self.mode == Mode::Aws;
        let counts = if refused { &self.refused } else { &self.let_through };
        counts.get_or_create(&Label { quota: quota.name() }).inc();
        refused
    }
}
