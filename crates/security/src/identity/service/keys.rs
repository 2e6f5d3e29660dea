use wire::Caller;
use wire::admin::*;

use super::users::find;
use super::*;
use crate::identity::record::AccessKeyRecord;
use crate::identity::snapshot::AccessKey;
use crate::identity::{Identity, Inner, access_key_id, secret_access_key};

/// Whose keys a call is about: a user's, or those of the root of an account.
#[derive(Clone)]
struct Owner {
    account: AccountId,
    user: Option<String>,
}

impl Identity {
    /// Makes a key. Its secret is in the answer and never again.
    pub async fn create_access_key(
        &self,
        caller: &Caller,
        input: CreateAccessKeyInput,
    ) -> Answer<CreateAccessKeyOutput> {
        let owner = self.0.owner(caller, input.user_name, input.account_id)?;
        let (new, key, record) = self.0.new_access_key(&owner);
        let change = move |snapshot: &Snapshot| {
            let keys = keys_of(snapshot, &owner)?;
            // Those that the configuration gives cannot be deleted here, so they do not count.
            if keys.iter().filter(|key| key.is_stored()).count() >= ACCESS_KEYS_MAX {
                return Err(Error::LimitExceeded(format!(
                    "Cannot exceed quota for AccessKeysPerUser: {ACCESS_KEYS_MAX}"
                )));
            }
            Ok(vec![put(key, &record)])
        };
        self.0.change(change).await?;
        Ok(CreateAccessKeyOutput { access_key: new })
    }

    /// Switches a key on or off, from the next request on.
    pub async fn update_access_key(
        &self,
        caller: &Caller,
        input: UpdateAccessKeyInput,
    ) -> Answer<()> {
        let owner = self.0.owner(caller, input.user_name, input.account_id)?;
        let (id, active) = (input.access_key_id, input.status == AccessKeyStatus::Active);
        let master = self.0.master.clone();
        let change = move |snapshot: &Snapshot| {
            let key = find_key(snapshot, &owner, &id)?;
            let secret = master.wrap(&record::secret_label(&id), key.secret.expose().as_bytes());
            let record = AccessKeyRecord {
                account: owner.account.to_string(),
                user: owner.user,
                created: key.created.as_millis(),
                active,
                secret,
            };
            Ok(vec![put(record::access_key_key(&id), &record)])
        };
        self.0.change(change).await?;
        Ok(())
    }

    /// Deletes a key.
    pub async fn delete_access_key(
        &self,
        caller: &Caller,
        input: DeleteAccessKeyInput,
    ) -> Answer<()> {
        let owner = self.0.owner(caller, input.user_name, input.account_id)?;
        let id = input.access_key_id;
        let change = move |snapshot: &Snapshot| {
            find_key(snapshot, &owner, &id)?;
            Ok(vec![Change::Delete { key: record::access_key_key(&id) }])
        };
        self.0.change(change).await?;
        Ok(())
    }

    /// Lists keys, without their secrets.
    pub async fn list_access_keys(
        &self,
        caller: &Caller,
        input: ListAccessKeysInput,
    ) -> Answer<ListAccessKeysOutput> {
        let owner = self.0.owner(caller, input.user_name, input.account_id)?;
        let snapshot = self.0.snapshot();
        let keys = keys_of(&snapshot, &owner)?;
        let access_key_metadata = keys.into_iter().map(|key| shape(key)).collect();
        Ok(ListAccessKeysOutput { access_key_metadata })
    }
}

impl Inner {
    fn owner(
        &self,
        caller: &Caller,
        user: Option<String>,
        account: Option<String>,
    ) -> Result<Owner> {
        let own = account_of(caller)?;
        let account = match account {
            None => own,
            Some(account) => account
                .parse()
                .map_err(|_| Error::Invalid(format!("{account} is not the id of an account.")))?,
        };
        if account != own && user.is_some() {
            let text = "Users of another account are managed by that account: leave UserName out.";
            return Err(Error::Invalid(text.into()));
        }
        if account != own {
            self.must_be_own(caller)?;
        }
        Ok(Owner { account, user })
    }

    /// A key as it is handed out, and as it is kept.
    fn new_access_key(&self, owner: &Owner) -> (NewAccessKey, Bytes, AccessKeyRecord) {
        let created = self.clock.now();
        let id = access_key_id(&*self.entropy, "AKIA");
        let secret = secret_access_key(&*self.entropy);
        let record = AccessKeyRecord {
            account: owner.account.to_string(),
            user: owner.user.clone(),
            created: created.as_millis(),
            active: true,
            secret: self.master.wrap(&record::secret_label(&id), secret.as_bytes()),
        };
        let key = record::access_key_key(&id);
        let new = NewAccessKey {
            access_key_id: id,
            secret_access_key: secret,
            user_name: owner.user.clone(),
            status: AccessKeyStatus::Active,
            create_date: created,
        };
        (new, key, record)
    }

    /// The first key of a new account.
    pub(super) fn new_root_key(
        &self,
        account: AccountId,
    ) -> (NewAccessKey, Bytes, AccessKeyRecord) {
        self.new_access_key(&Owner { account, user: None })
    }
}

fn keys_of<'s>(
    snapshot: &'s Snapshot,
    owner: &Owner,
) -> Result<Vec<&'s std::sync::Arc<AccessKey>>> {
    match &owner.user {
        Some(name) => {
            find(snapshot, &user_key(owner.account, name))?;
        }
        None if !snapshot.accounts.contains_key(&owner.account) => {
            let account = owner.account;
            return Err(Error::NotFound(format!("The account {account} cannot be found.")));
        }
        None => {}
    }
    Ok(snapshot.keys_of(owner.account, owner.user.as_deref()))
}

/// A key of this owner, if it is managed here.
fn find_key<'s>(snapshot: &'s Snapshot, owner: &Owner, id: &str) -> Result<&'s AccessKey> {
    let keys = keys_of(snapshot, owner)?;
    let key = keys.into_iter().find(|key| key.id == id);
    let key = key
        .ok_or_else(|| Error::NotFound(format!("The Access Key with id {id} cannot be found.")))?;
    if key.is_stored() {
        return Ok(key);
    }
    Err(Error::Invalid(format!(
        "The Access Key with id {id} is given by the node's configuration or its file of \
         credentials: change it there."
    )))
}

fn shape(key: &AccessKey) -> AccessKeyMetadata {
    let status = if key.active { AccessKeyStatus::Active } else { AccessKeyStatus::Inactive };
    AccessKeyMetadata {
        access_key_id: key.id.clone(),
        user_name: key.user.clone(),
        status,
        create_date: key.created,
        last_used_date: key.last_used(),
    }
}
