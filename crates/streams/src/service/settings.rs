//! Settings of a stream: the largest record, and the per-shard metrics.

use wire::kinesis::*;
use wire::{Caller, Operation};

use super::shapes;
use super::streams::at;
use crate::Inner;
use crate::catalog::{ShardMetric, ShardMetrics, StreamKey};
use crate::control::rates::Rated;
use crate::control::settings::{self, Monitor};
use crate::error::{Error, Result};

impl Inner {
    pub(super) async fn update_max_record_size(
        &self,
        caller: &Caller,
        input: UpdateMaxRecordSizeInput,
    ) -> Result<()> {
        let key = at(caller, Operation::UpdateMaxRecordSize, &None, &input.stream_arn)?;
        self.rate(Rated::UpdateMaxRecordSize, &key)?;
        let kib = u32::try_from(input.max_record_size_in_kib)
            .map_err(|_| Error::Invalid("MaxRecordSizeInKiB must be positive.".into()))?;
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            settings::resize(snapshot, edit, rules, now, &named, kib)
        };
        self.control.change(&key, decide).await?;
        Ok(())
    }

    pub(super) async fn enable_enhanced_monitoring(
        &self,
        caller: &Caller,
        input: EnableEnhancedMonitoringInput,
    ) -> Result<EnhancedMonitoringOutput> {
        let EnableEnhancedMonitoringInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::EnableEnhancedMonitoring, name, arn)?;
        self.rate(Rated::EnableEnhancedMonitoring, &key)?;
        self.monitor(key, Monitor::On(named(&input.shard_level_metrics))).await
    }

    pub(super) async fn disable_enhanced_monitoring(
        &self,
        caller: &Caller,
        input: DisableEnhancedMonitoringInput,
    ) -> Result<EnhancedMonitoringOutput> {
        let DisableEnhancedMonitoringInput { stream_name: name, stream_arn: arn, .. } = &input;
        let key = at(caller, Operation::DisableEnhancedMonitoring, name, arn)?;
        self.rate(Rated::DisableEnhancedMonitoring, &key)?;
        self.monitor(key, Monitor::Off(named(&input.shard_level_metrics))).await
    }

    async fn monitor(&self, key: StreamKey, wanted: Monitor) -> Result<EnhancedMonitoringOutput> {
        let named = key.clone();
        let decide = move |snapshot: &_, edit: &mut _, rules: &_, now| {
            settings::monitor(snapshot, edit, rules, now, &named, wanted)
        };
        let stream = self.control.change(&key, decide).await?;
        let before = stream.as_ref().map(|s| s.record.monitored).unwrap_or_default();
        Ok(EnhancedMonitoringOutput {
            stream_name: Some(key.name.to_string()),
            current_shard_level_metrics: Some(shapes::metrics(before)),
            desired_shard_level_metrics: Some(shapes::metrics(wanted.after(before))),
            stream_arn: stream.map(|stream| stream.arn().to_string()),
        })
    }
}

/// What a request names; `ALL` is every one.
fn named(names: &[MetricsName]) -> ShardMetrics {
    let metric = |name: &MetricsName| match name {
        MetricsName::All => ShardMetric::ALL.into_iter().collect(),
        name => ShardMetric::ALL.into_iter().filter(|m| shapes::metric(*m) == *name).collect(),
    };
    names.iter().map(metric).fold(ShardMetrics::default(), ShardMetrics::with)
}
