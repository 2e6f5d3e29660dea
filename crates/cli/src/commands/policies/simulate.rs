//! `weir policies simulate`: who may do what, and why.

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;
use weir_client::admin::{
    ContextEntry, EvaluationResult, MatchedStatement, SimulatePolicyInput, SimulatedDecision,
};

use crate::commands::administer::AdminArgs;
use crate::exit::Usage;
use crate::output::{self, BAD, Cell, FADED, GOOD, HEADING, Table};

/// Arguments of `weir policies simulate`.
#[derive(Args)]
#[command(after_help = "Examples:
  weir policies simulate arn:aws:iam::000000000000:user/alice kinesis:PutRecord \\
    --on arn:aws:kinesis:us-east-1:000000000000:stream/orders
  weir policies simulate arn:aws:iam::000000000000:role/reader kinesis:GetRecords kinesis:ListShards \\
    --on arn:aws:kinesis:us-east-1:000000000000:stream/orders --key aws:SourceIp=203.0.113.7")]
pub(super) struct SimulateArgs {
    /// The ARN of a user, a role or the root of an account
    principal: String,
    /// The actions
    #[arg(required = true, value_name = "ACTION")]
    actions: Vec<String>,
    /// The ARN of a resource; may be given several times [default: all resources]
    #[arg(long, value_name = "ARN")]
    on: Vec<String>,
    /// A condition key of the request, such as aws:SourceIp=203.0.113.7; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    key: Vec<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// The line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    action: &'a str,
    resource: &'a str,
    decision: SimulatedDecision,
    reason: Option<&'a str>,
    statements: Vec<StatementLine<'a>>,
}

#[derive(Serialize)]
struct StatementLine<'a> {
    policy_type: &'a str,
    policy: Option<&'a str>,
    index: i32,
    sid: Option<&'a str>,
}

pub(super) async fn run(args: SimulateArgs) -> anyhow::Result<()> {
    let input = SimulatePolicyInput {
        principal_arn: args.principal,
        action_names: args.actions,
        resource_arns: (!args.on.is_empty()).then_some(args.on),
        context_entries: Some(keys(&args.key)?),
    };
    let results = args.admin.client()?.call(input).await?.evaluation_results;
    if args.admin.json {
        for result in &results {
            output::json(&line(result))?;
        }
        return Ok(());
    }
    draw(&results).print()?;
    Ok(())
}

/// The keys with all the values that are given for them.
fn keys(given: &[String]) -> anyhow::Result<Vec<ContextEntry>> {
    let mut entries: Vec<ContextEntry> = Vec::new();
    for text in given {
        let pair = text.split_once('=');
        let (name, value) =
            pair.ok_or_else(|| anyhow!(Usage(format!("--key {text}: a key is NAME=VALUE"))))?;
        match entries.iter_mut().find(|entry| entry.context_key_name == name) {
            Some(entry) => entry.context_key_values.push(value.into()),
            None => entries.push(ContextEntry {
                context_key_name: name.into(),
                context_key_values: vec![value.into()],
            }),
        }
    }
    Ok(entries)
}

fn line(result: &EvaluationResult) -> Line<'_> {
    Line {
        action: &result.eval_action_name,
        resource: &result.eval_resource_name,
        decision: result.eval_decision,
        reason: result.reason.as_deref(),
        statements: result.matched_statements.iter().map(statement_line).collect(),
    }
}

fn statement_line(statement: &MatchedStatement) -> StatementLine<'_> {
    StatementLine {
        policy_type: &statement.source_policy_type,
        policy: statement.source_policy_id.as_deref(),
        index: statement.statement_index,
        sid: statement.sid.as_deref(),
    }
}

fn draw(results: &[EvaluationResult]) -> Table {
    let mut table = Table::new(["DECISION", "ACTION", "RESOURCE", "WHY"]);
    for result in results {
        let (style, word) = match result.eval_decision {
            SimulatedDecision::Allowed => (GOOD, "allowed"),
            SimulatedDecision::ExplicitDeny => (BAD, "denied"),
            SimulatedDecision::ImplicitDeny => (BAD, "not allowed"),
        };
        table.row([
            Cell::styled(style, word),
            Cell::styled(HEADING, &result.eval_action_name),
            Cell::from(&result.eval_resource_name),
            Cell::styled(FADED, why(result)),
        ]);
    }
    table
}

fn why(result: &EvaluationResult) -> String {
    let statements: Vec<_> = result.matched_statements.iter().map(statement).collect();
    if !statements.is_empty() {
        return statements.join(", ");
    }
    match &result.reason {
        // What comes before names what the table names.
        Some(reason) => {
            let because = reason.find(" because ").or_else(|| reason.find(" with an explicit "));
            reason[because.unwrap_or_default()..].trim().to_owned()
        }
        None => "the root of an account may do everything with its own".to_owned(),
    }
}

/// A statement as a person looks for it: counted from 1.
fn statement(of: &MatchedStatement) -> String {
    let sid = of.sid.as_ref().map(|sid| format!(" {sid:?}")).unwrap_or_default();
    let number = of.statement_index + 1;
    let kind = &of.source_policy_type;
    let name = of.source_policy_id.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
    format!("statement {number}{sid} of the {kind} policy{name}")
}
