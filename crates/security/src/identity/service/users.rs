use std::sync::Arc;

use wire::Caller;
use wire::admin::*;

use super::*;
use crate::identity::Identity;
use crate::identity::entity::Entity;
use crate::identity::record::UserRecord;
use crate::identity::session::principal_id;

impl Identity {
    /// Makes a user.
    pub async fn create_user(&self, caller: &Caller, input: CreateUserInput) -> Answer<UserOutput> {
        let key = user_key(account_of(caller)?, &input.user_name);
        let user = UserRecord {
            id: principal_id(&*self.0.entropy, "AIDA"),
            created: self.0.clock.now().as_millis(),
            tags: input.tags,
        };
        let made = key.clone();
        let change = move |snapshot: &Snapshot| {
            must_be_new(&key, snapshot, USERS_MAX)?;
            Ok(vec![put(key.table_key(), &user)])
        };
        let snapshot = self.0.change(change).await?;
        Ok(UserOutput { user: shape(find(&snapshot, &made)?) })
    }

    /// Shows a user.
    pub async fn get_user(&self, caller: &Caller, input: GetUserInput) -> Answer<UserOutput> {
        let key = user_key(account_of(caller)?, &input.user_name);
        Ok(UserOutput { user: shape(find(&self.0.snapshot(), &key)?) })
    }

    /// Lists the users of the account.
    pub async fn list_users(
        &self,
        caller: &Caller,
        input: ListUsersInput,
    ) -> Answer<ListUsersOutput> {
        let snapshot = self.0.snapshot();
        let users = snapshot.entities_of(account_of(caller)?, Kind::User);
        let name = |user: &&Arc<Entity>| user.name();
        let (users, next_token) = page(users, name, input.limit, input.next_token.as_deref());
        let users = users.into_iter().map(|user| shape(user)).collect();
        Ok(ListUsersOutput { users, next_token })
    }

    /// Deletes a user that has nothing any more.
    pub async fn delete_user(&self, caller: &Caller, input: DeleteUserInput) -> Answer<()> {
        let key = user_key(account_of(caller)?, &input.user_name);
        let change = move |snapshot: &Snapshot| {
            let user = find(snapshot, &key)?;
            let in_use =
                |what| Error::Conflict(format!("Cannot delete entity, must delete {what} first."));
            if !snapshot.keys_of(key.account, Some(&key.name)).is_empty() {
                return Err(in_use("access keys"));
            }
            if !user.policies.is_empty() {
                return Err(in_use("policies"));
            }
            Ok(vec![Change::Delete { key: key.table_key() }])
        };
        self.0.change(change).await?;
        Ok(())
    }
}

pub(super) fn find<'s>(snapshot: &'s Snapshot, key: &PrincipalKey) -> Result<&'s Entity> {
    snapshot.entities.get(key).map(|entity| &**entity).ok_or_else(|| no_such(key))
}

fn shape(user: &Entity) -> User {
    User {
        user_name: user.key.name.clone(),
        user_id: user.id.clone(),
        arn: user.arn(),
        create_date: user.created,
        tags: user.tags.clone(),
    }
}
