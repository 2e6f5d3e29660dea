//! UpdateStreamMode, UpdateStreamWarmThroughput, UpdateStreamRecordDistributionStrategy and the
//! settings of the account.

use model::Timestamp;
use wire::kinesis::{self, *};
use wire::{Caller, Operation};

use super::{address, shapes, streams::at};
use crate::Inner;
use crate::catalog::{Distribution, Snapshot, Stream, StreamMode};
use crate::control::capacity;
use crate::control::rates::Rated;
use crate::error::{Error, Result};

impl Inner {
    pub(super) async fn update_stream_mode(
        &self,
        caller: &Caller,
        input: UpdateStreamModeInput,
    ) -> Result<()> {
        let key = address::by_arn(caller, Operation::UpdateStreamMode, &input.stream_arn)?;
        self.rate(Rated::UpdateStreamMode, &key)?;
        let mode = mode(input.stream_mode_details.stream_mode);
        let warm_mibps = input.warm_throughput_mibps.map(natural).transpose()?;
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            capacity::switch(snapshot, edit, rules, now, &named, (mode, warm_mibps))
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn update_stream_warm_throughput(
        &self,
        caller: &Caller,
        input: UpdateStreamWarmThroughputInput,
    ) -> Result<UpdateStreamWarmThroughputOutput> {
        let UpdateStreamWarmThroughputInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::UpdateStreamWarmThroughput, name, arn)?;
        self.rate(Rated::UpdateStreamWarmThroughput, &key)?;
        let mibps = natural(input.warm_throughput_mibps)?;
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            capacity::warm(snapshot, edit, rules, now, &named, mibps)
        };
        let before = self.control.change(&key, decide).await?;
        Ok(UpdateStreamWarmThroughputOutput {
            stream_arn: before.as_ref().map(|stream| stream.arn().to_string()),
            stream_name: Some(key.name.to_string()),
            warm_throughput: before.map(|stream| WarmThroughput {
                target_mibps: Some(input.warm_throughput_mibps),
                current_mibps: Some(shapes::int(stream.open_mibps())),
            }),
        })
    }

    pub(super) async fn update_stream_record_distribution_strategy(
        &self,
        caller: &Caller,
        input: UpdateStreamRecordDistributionStrategyInput,
    ) -> Result<()> {
        let operation = Operation::UpdateStreamRecordDistributionStrategy;
        let key = address::by_arn(caller, operation, &input.stream_arn)?;
        self.rate(Rated::UpdateStreamRecordDistributionStrategy, &key)?;
        let distribution = distribution(Some(input.record_distribution_strategy));
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
            capacity::distribute(snapshot, edit, &named, distribution)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn update_account_settings(
        &self,
        caller: &Caller,
        input: UpdateAccountSettingsInput,
    ) -> Result<UpdateAccountSettingsOutput> {
        let (account, region) = address::home(caller)?;
        self.rate_account(Rated::UpdateAccountSettings, (account, &region))?;
        let wanted = input.minimum_throughput_billing_commitment.status;
        let wanted = wanted == CommitmentInputStatus::Enabled;
        let (now, of) = (self.control.clock.now(), (account, region));
        let changed = of.clone();
        let decide = move |snapshot: &Snapshot, edit: &mut _| {
            capacity::commit(snapshot, edit, now, changed, wanted);
            Ok(())
        };
        self.control.catalog.change(decide).await?;
        let settled = commitment(&self.control.catalog.snapshot(), &of, now);
        Ok(UpdateAccountSettingsOutput { minimum_throughput_billing_commitment: Some(settled) })
    }

    pub(super) fn describe_account_settings(
        &self,
        caller: &Caller,
    ) -> Result<DescribeAccountSettingsOutput> {
        let (account, region) = address::home(caller)?;
        self.rate_account(Rated::DescribeAccountSettings, (account, &region))?;
        let (snapshot, now) = (self.control.catalog.snapshot(), self.control.clock.now());
        let settled = commitment(&snapshot, &(account, region), now);
        Ok(DescribeAccountSettingsOutput { minimum_throughput_billing_commitment: Some(settled) })
    }
}

fn commitment(
    snapshot: &Snapshot,
    (account, region): &(model::AccountId, model::Region),
    now: Timestamp,
) -> MinimumThroughputBillingCommitmentOutput {
    let known = snapshot.commitment(*account, region);
    let status = match known {
        Some(known) if !known.holds(now) => CommitmentStatus::Disabled,
        Some(known) if known.revoked.is_some() => CommitmentStatus::EnabledUntilEarliestAllowedEnd,
        Some(_) => CommitmentStatus::Enabled,
        None => CommitmentStatus::Disabled,
    };
    let over = status == CommitmentStatus::Disabled;
    MinimumThroughputBillingCommitmentOutput {
        status,
        started_at: known.map(|known| known.started),
        ended_at: known.and_then(|known| known.end()).filter(|_| over),
        earliest_allowed_end_at: known.map(|known| known.earliest_end()).filter(|_| !over),
    }
}

/// What DescribeStreamSummary says of warm throughput: nothing, unless it can be set.
pub(super) fn warm_throughput(
    snapshot: &Snapshot,
    stream: &Stream,
    now: Timestamp,
) -> Option<WarmThroughput> {
    let on_demand = stream.record.mode == StreamMode::OnDemand;
    (on_demand && snapshot.is_committed(&stream.key, now)).then(|| WarmThroughput {
        target_mibps: stream.record.warm_mibps.map(shapes::int),
        current_mibps: Some(shapes::int(stream.open_mibps())),
    })
}

/// What it says of how records find their shard.
pub(super) fn strategy(stream: &Stream) -> Option<RecordDistributionStrategy> {
    let strategy = match stream.record.distribution {
        Distribution::ByKey => RecordDistributionStrategy::UserPartitionKey,
        Distribution::Even => RecordDistributionStrategy::Auto,
    };
    (stream.record.mode == StreamMode::OnDemand).then_some(strategy)
}

pub(super) fn mode(mode: kinesis::StreamMode) -> StreamMode {
    match mode {
        kinesis::StreamMode::OnDemand => StreamMode::OnDemand,
        kinesis::StreamMode::Provisioned => StreamMode::Provisioned,
    }
}

pub(super) fn distribution(strategy: Option<RecordDistributionStrategy>) -> Distribution {
    match strategy {
        Some(RecordDistributionStrategy::Auto) => Distribution::Even,
        Some(RecordDistributionStrategy::UserPartitionKey) | None => Distribution::ByKey,
    }
}

/// A number that the shape says is not negative.
pub(super) fn natural(number: i32) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::Invalid(format!("{number} is negative.")))
}
