use wire::Caller;
use wire::admin::*;

use super::*;
use crate::identity::record::AccountRecord;
use crate::identity::{Identity, Inner, snapshot};

/// The account of the node's own streams, which acts for nobody.
const RESERVED: &str = "999999999999";

impl Identity {
    /// Makes an account, with a key of its root.
    pub async fn create_account(
        &self,
        caller: &Caller,
        input: CreateAccountInput,
    ) -> Answer<CreateAccountOutput> {
        self.0.must_be_own(caller)?;
        let id: AccountId = input.account_id.parse().map_err(|_| {
            Error::Invalid(format!("{} is not the id of an account.", input.account_id))
        })?;
        if input.account_id == RESERVED {
            let text = format!("The account {id} is reserved for streams of the node itself.");
            return Err(Error::Invalid(text).into());
        }
        let record = AccountRecord { name: input.name, created: self.0.clock.now().as_millis() };
        let (access_key, key, key_record) = self.0.new_root_key(id);
        let change = move |snapshot: &Snapshot| {
            if snapshot.accounts.contains_key(&id) {
                return Err(Error::Conflict(format!("Account {id} already exists.")));
            }
            if snapshot.accounts.len() >= ACCOUNTS_MAX {
                let text = format!("Cannot exceed quota for AccountsPerNode: {ACCOUNTS_MAX}");
                return Err(Error::LimitExceeded(text));
            }
            Ok(vec![put(record::account_key(id), &record), put(key, &key_record)])
        };
        let snapshot = self.0.change(change).await?;
        let account = shape(id, &snapshot.accounts[&id]);
        Ok(CreateAccountOutput { account, access_key })
    }

    /// Lists the accounts of the node.
    pub async fn list_accounts(
        &self,
        caller: &Caller,
        input: ListAccountsInput,
    ) -> Answer<ListAccountsOutput> {
        self.0.must_be_own(caller)?;
        let snapshot = self.0.snapshot();
        let name = |(id, _): &(&AccountId, &_)| id.to_string();
        let accounts = snapshot.accounts.iter();
        let (accounts, next_token) = page(accounts, name, input.limit, input.next_token.as_deref());
        let accounts = accounts.into_iter().map(|(id, account)| shape(*id, account)).collect();
        Ok(ListAccountsOutput { accounts, next_token })
    }
}

impl Inner {
    /// Accounts are the business of the node's own account, whatever policies of others say.
    pub(super) fn must_be_own(&self, caller: &Caller) -> Result<()> {
        if account_of(caller)? == self.account {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "Accounts are managed by account {}, which is the node's own.",
            self.account
        )))
    }
}

fn shape(id: AccountId, account: &snapshot::Account) -> Account {
    let snapshot::Account { name, created, .. } = account;
    Account { account_id: id.to_string(), name: name.clone(), create_date: *created }
}
