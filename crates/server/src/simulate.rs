//! Answers who may do what, and why, by the rules that the guard goes by.

use std::collections::BTreeMap;

use security::Identity;
use security::policy::{
    Deciding, Decision, Outcome, PolicyKind, Principal, Request, Resource, decide,
};
use streams::Subject;
use wire::admin::*;
use wire::{ApiError, Caller, ErrorCode, Operation};

use crate::guard::{Policies, counts};

/// Carries out SimulatePolicy.
pub(crate) fn simulate(
    guard: &Policies,
    identity: &Identity,
    caller: &Caller,
    input: SimulatePolicyInput,
) -> Result<SimulatePolicyOutput, ApiError> {
    let principal = identity.principal(&input.principal_arn).filter(|principal| {
        // The node's own account looks after all of them.
        principal.account == caller.account || identity.account().to_string() == caller.account
    });
    let principal = principal.ok_or_else(|| {
        let text = format!("There is no principal {} in your account.", input.principal_arn);
        ApiError::new(ErrorCode::ResourceNotFound, text)
    })?;
    let given = input.context_entries.unwrap_or_default().into_iter();
    let given =
        given.map(|entry| (entry.context_key_name.to_lowercase(), entry.context_key_values));
    let simulation = Simulation { guard, caller, principal: &principal, given: given.collect() };
    let resources = input.resource_arns.unwrap_or_else(|| vec!["*".into()]);
    let asked = input
        .action_names
        .iter()
        .flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    let evaluation_results = asked.map(|(action, on)| simulation.ask(action, on)).collect();
    Ok(SimulatePolicyOutput { evaluation_results })
}

struct Simulation<'a> {
    guard: &'a Policies,
    caller: &'a Caller,
    principal: &'a Principal,
    /// What the request says about itself, by names in lower case.
    given: BTreeMap<String, Vec<String>>,
}

impl Simulation<'_> {
    fn ask(&self, action: &str, on: &str) -> EvaluationResult {
        let principal = self.principal;
        let subject = self.guard.streams.named(on);
        let account = match &subject {
            Some(subject) if subject.is_the_node_s() => self.guard.account.clone(),
            Some(subject) => subject.account(),
            None => account_of(on).unwrap_or(&principal.account).to_owned(),
        };
        let operation =
            Operation::ALL.iter().find(|known| known.action().eq_ignore_ascii_case(action));
        let policy = subject.as_ref().and_then(Subject::policy);
        let policy = policy.filter(|_| operation.is_none_or(|op| counts(principal, *op, &account)));
        let keys = |name: &str| self.key(name, on, &account, subject.as_ref());
        let Decision { outcome, statements } = decide(&Request {
            principal,
            action,
            resource: on,
            account: &account,
            attached: Resource::Policy(policy),
            keys: &keys,
        });
        let is_shown = |statement: &&Deciding<'_>| {
            statement.kind != PolicyKind::Resource || account == self.caller.account
        };
        let resource = (on != "*").then_some(on);
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: on.to_owned(),
            eval_decision: decision(outcome),
            reason: outcome.refusal(&principal.arn, action, resource),
            matched_statements: statements.iter().filter(is_shown).map(matched).collect(),
        }
    }

    fn key(
        &self,
        name: &str,
        on: &str,
        account: &str,
        subject: Option<&Subject>,
    ) -> Option<Vec<String>> {
        if let Some(values) = self.given.get(name) {
            return Some(values.clone());
        }
        let value = match name {
            "aws:resourceaccount" => account.to_owned(),
            "aws:requestedregion" => on.split(':').nth(3).filter(|r| !r.is_empty())?.to_owned(),
            _ => match name.split_once('/') {
                Some(("aws:resourcetag", tag)) => subject?.tag(tag)?.to_owned(),
                _ => self.guard.time(name)?,
            },
        };
        Some(vec![value])
    }
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

fn decision(outcome: Outcome) -> SimulatedDecision {
    match outcome {
        Outcome::Allowed => SimulatedDecision::Allowed,
        Outcome::Forbidden(_) => SimulatedDecision::ExplicitDeny,
        Outcome::NotAllowed(_) => SimulatedDecision::ImplicitDeny,
    }
}

fn matched(statement: &Deciding<'_>) -> MatchedStatement {
    let kind = match statement.kind {
        PolicyKind::Identity => "identity",
        PolicyKind::Session => "session",
        PolicyKind::Resource => "resource",
        PolicyKind::Trust => "trust",
    };
    MatchedStatement {
        source_policy_type: kind.into(),
        source_policy_id: statement.policy.map(str::to_owned),
        statement_index: i32::try_from(statement.index).unwrap_or(i32::MAX),
        sid: statement.sid.map(str::to_owned),
    }
}
