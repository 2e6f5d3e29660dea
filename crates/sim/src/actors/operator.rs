//! Changes how records are kept: starts and stops encryption, rotates its key, and makes the
//! retention period longer and shorter. A crash may cut it anywhere.

use weir_client::admin::RotateKeyInput;
use weir_client::kinesis::{
    DecreaseStreamRetentionPeriodInput, EncryptionType, IncreaseStreamRetentionPeriodInput,
    StartStreamEncryptionInput, StopStreamEncryptionInput,
};
use weir_client::{Client, Error};

use super::pause;
use crate::run::{Run, STREAM};

const KEY: &str = "alias/aws/kinesis";
const ENCRYPTION_PAUSE_MS: std::ops::Range<u64> = 0..60;
const RETENTION_PAUSE_MS: std::ops::Range<u64> = 0..200;
/// One change in this many starts encryption, and one stops it; the others rotate the key.
const ENCRYPTION_CHANGES: u64 = 5;
const RETENTION_HOURS: [u32; 4] = [24, 30, 48, 100];

/// Starts and stops encryption and rotates its key.
pub(crate) async fn encrypt(run: Run, client: Client) {
    loop {
        pause(&run, ENCRYPTION_PAUSE_MS).await;
        let (change, error) = match run.world.entropy.within(0..ENCRYPTION_CHANGES) {
            0 => ("start encryption", client.call(start_encryption()).await.err()),
            1 => ("stop encryption", client.call(stop_encryption()).await.err()),
            _ => {
                let input = RotateKeyInput { key_id: KEY.into() };
                ("rotate the key", client.call(input).await.err())
            }
        };
        note(&run, change, error.as_ref());
    }
}

/// Makes the retention period longer and shorter.
pub(crate) async fn retain(run: Run, client: Client) {
    loop {
        pause(&run, RETENTION_PAUSE_MS).await;
        let hours = RETENTION_HOURS[run.world.entropy.index(RETENTION_HOURS.len())];
        let longer = hours >= run.retention().hours();
        run.retention().changing(hours);
        let error = match longer {
            true => client.call(longer_retention(hours)).await.err(),
            false => client.call(shorter_retention(hours)).await.err(),
        };
        if error.is_none() {
            run.retention().changed(hours);
        }
        note(&run, &format!("retention of {hours} hours"), error.as_ref());
    }
}

fn note(run: &Run, change: &str, error: Option<&Error>) {
    let answer = error.map_or_else(|| "done".to_owned(), |error| error.to_string());
    run.trace.event(format_args!("{change}: {answer}"));
}

fn start_encryption() -> StartStreamEncryptionInput {
    StartStreamEncryptionInput {
        stream_name: Some(STREAM.into()),
        encryption_type: EncryptionType::Kms,
        key_id: KEY.into(),
        stream_arn: None,
        stream_id: None,
    }
}

fn stop_encryption() -> StopStreamEncryptionInput {
    StopStreamEncryptionInput {
        stream_name: Some(STREAM.into()),
        encryption_type: EncryptionType::Kms,
        key_id: KEY.into(),
        stream_arn: None,
        stream_id: None,
    }
}

fn longer_retention(hours: u32) -> IncreaseStreamRetentionPeriodInput {
    IncreaseStreamRetentionPeriodInput {
        stream_name: Some(STREAM.into()),
        retention_period_hours: hours.cast_signed(),
        stream_arn: None,
        stream_id: None,
    }
}

fn shorter_retention(hours: u32) -> DecreaseStreamRetentionPeriodInput {
    DecreaseStreamRetentionPeriodInput {
        stream_name: Some(STREAM.into()),
        retention_period_hours: hours.cast_signed(),
        stream_arn: None,
        stream_id: None,
    }
}
