//! Accounts of a node.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::NewAccessKey;
use super::text::*;
use crate::kinesis::timestamp;
use crate::schema::{Input, Structure};

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    /// Its 12 digits.
    pub account_id: String,
    /// What people call it.
    pub name: Option<String>,
    /// When it was made; the account of the node itself was always there.
    #[serde(with = "timestamp::option", default)]
    pub create_date: Option<Timestamp>,
}

/// Asks to make an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAccountInput {
    /// Its 12 digits.
    pub account_id: String,
    /// What people call it.
    pub name: Option<String>,
}

impl Input for CreateAccountInput {
    const SHAPE: Structure = Structure {
        name: "CreateAccountInput",
        members: &[required_text("AccountId", ACCOUNT_ID), optional_text("Name", DESCRIPTION)],
    };
}

/// An account that was made.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAccountOutput {
    /// The account.
    pub account: Account,
    /// The key of its root, with the secret: it is not shown again.
    pub access_key: NewAccessKey,
}

/// Asks for a page of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAccountsInput {
    /// How many at most.
    pub limit: Option<i32>,
    /// Where the page starts.
    pub next_token: Option<String>,
}

impl Input for ListAccountsInput {
    const SHAPE: Structure =
        Structure { name: "ListAccountsInput", members: &[LIMIT_MEMBER, NEXT_TOKEN_MEMBER] };
}

/// A page of accounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAccountsOutput {
    /// The accounts, by their ids.
    pub accounts: Vec<Account>,
    /// Where the next page starts, if there is one.
    pub next_token: Option<String>,
}
