//! PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy.

use security::policy::{Policy, PolicyKind};
use wire::kinesis::*;
use wire::{Caller, Operation};

use super::address::{self, Resource};
use crate::Inner;
use crate::control::rates::Rated;
use crate::control::{consumers, existing, policies};
use crate::error::{Error, Result};

/// What AWS shows of a resource without a policy.
const NO_POLICY: &str = "{}";

impl Inner {
    pub(super) async fn put_resource_policy(
        &self,
        caller: &Caller,
        input: PutResourcePolicyInput,
    ) -> Result<()> {
        let PutResourcePolicyInput { resource_arn: arn, policy, .. } = input;
        let resource = address::resource(caller, Operation::PutResourcePolicy, &arn)?;
        self.rate(Rated::PutResourcePolicy, resource.stream())?;
        Policy::parse(&policy, PolicyKind::Resource)
            .map_err(|malformed| Error::Invalid(malformed.to_string()))?;
        self.change_policy(resource, Some(policy)).await
    }

    pub(super) async fn delete_resource_policy(
        &self,
        caller: &Caller,
        input: DeleteResourcePolicyInput,
    ) -> Result<()> {
        let arn = &input.resource_arn;
        let resource = address::resource(caller, Operation::DeleteResourcePolicy, arn)?;
        self.rate(Rated::DeleteResourcePolicy, resource.stream())?;
        self.change_policy(resource, None).await
    }

    async fn change_policy(&self, resource: Resource, policy: Option<String>) -> Result<()> {
        match resource {
            Resource::Stream(key) => {
                let of = key.clone();
                let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
                    policies::change_of_stream(snapshot, edit, &of, policy)
                };
                self.control.change(&key, decide).await?;
            }
            Resource::Consumer(key, arn) => {
                let of = key.clone();
                let decide = move |snapshot: &_, edit: &mut _, _: &_, _| {
                    policies::change_of_consumer(snapshot, edit, (&of, &arn), policy)
                };
                self.control.change(&key, decide).await?;
            }
        }
        Ok(())
    }

    pub(super) fn get_resource_policy(
        &self,
        caller: &Caller,
        input: GetResourcePolicyInput,
    ) -> Result<GetResourcePolicyOutput> {
        let arn = &input.resource_arn;
        let resource = address::resource(caller, Operation::GetResourcePolicy, arn)?;
        self.rate(Rated::GetResourcePolicy, resource.stream())?;
        let snapshot = self.control.catalog.snapshot();
        let policy = match resource {
            Resource::Stream(key) => &existing(&snapshot, &key)?.record.policy,
            Resource::Consumer(key, arn) => {
                let second = Some(arn.created_seconds());
                let (_, consumer) = consumers::named(&snapshot, &key, arn.name(), second)?;
                &consumer.record.policy
            }
        };
        Ok(GetResourcePolicyOutput { policy: policy.clone().unwrap_or_else(|| NO_POLICY.into()) })
    }
}
