//! What a principal may do, and why: asked without doing it.

use serde::{Deserialize, Serialize};

use super::text::*;
use crate::schema::{Input, Length, List, Member, Shape, Structure, Text};

const fn bounded(min: u32, max: u32) -> Text {
    Text { length: Length { min: Some(min), max: Some(max) }, pattern: None, values: &[] }
}

const fn texts(text: Text, length: Length) -> List {
    List { element: Shape::String(text), length }
}

const ACTIONS: List = texts(bounded(3, 128), Length { min: Some(1), max: Some(100) });
const RESOURCES: List = texts(bounded(1, 2048), Length { min: Some(1), max: Some(20) });
const KEY_VALUES: List = texts(bounded(0, 2048), Length { min: None, max: Some(50) });

const KEY: Structure = Structure {
    name: "ContextEntry",
    members: &[
        required_text("ContextKeyName", bounded(1, 256)),
        Member { name: "ContextKeyValues", shape: Shape::List(&KEY_VALUES), required: true },
    ],
};

const KEYS: List =
    List { element: Shape::Structure(&KEY), length: Length { min: None, max: Some(50) } };

/// A condition key of the request that is simulated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextEntry {
    /// Its name, such as `aws:SourceIp`.
    pub context_key_name: String,
    /// Its values.
    pub context_key_values: Vec<String>,
}

/// Asks what a principal may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatePolicyInput {
    /// The principal: the ARN of a user, a role or the root of an account.
    pub principal_arn: String,
    /// The actions, such as `kinesis:PutRecord`.
    pub action_names: Vec<String>,
    /// On what; on all resources if nothing is said.
    pub resource_arns: Option<Vec<String>>,
    /// What is known of the request. The time and what the resource itself tells need not be said.
    pub context_entries: Option<Vec<ContextEntry>>,
}

impl Input for SimulatePolicyInput {
    const SHAPE: Structure = Structure {
        name: "SimulatePolicyInput",
        members: &[
            required_text("PrincipalArn", bounded(1, 2048)),
            Member { name: "ActionNames", shape: Shape::List(&ACTIONS), required: true },
            optional("ResourceArns", Shape::List(&RESOURCES)),
            optional("ContextEntries", Shape::List(&KEYS)),
        ],
    };
}

/// What was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SimulatedDecision {
    /// It may be done.
    #[serde(rename = "allowed")]
    Allowed,
    /// A statement forbids it.
    #[serde(rename = "explicitDeny")]
    ExplicitDeny,
    /// No statement allows it that would have to.
    #[default]
    #[serde(rename = "implicitDeny")]
    ImplicitDeny,
}

/// A statement that decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MatchedStatement {
    /// What its policy is attached to: `identity`, `session` or `resource`.
    pub source_policy_type: String,
    /// The name of its policy, if it has one.
    pub source_policy_id: Option<String>,
    /// Which of the policy's statements it is, from 0.
    pub statement_index: i32,
    /// Its Sid, if it has one.
    pub sid: Option<String>,
}

/// What was decided of one action on one resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EvaluationResult {
    /// The action.
    pub eval_action_name: String,
    /// The resource.
    pub eval_resource_name: String,
    /// What was decided.
    pub eval_decision: SimulatedDecision,
    /// What the principal would be told if it is not allowed.
    pub reason: Option<String>,
    /// The statements that decided. Those of policies of other accounts are not shown.
    pub matched_statements: Vec<MatchedStatement>,
}

/// What was decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatePolicyOutput {
    /// For every action on every resource.
    pub evaluation_results: Vec<EvaluationResult>,
}
