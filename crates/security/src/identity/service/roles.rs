use std::sync::Arc;

use wire::Caller;
use wire::admin::*;

use super::users::find;
use super::*;
use crate::identity::Identity;
use crate::identity::entity::Entity;
use crate::identity::record::RoleRecord;
use crate::identity::session::principal_id;
use crate::policy::{Policy, PolicyKind};

const SESSION_SECONDS_DEFAULT: u32 = 3600;

impl Identity {
    /// Makes a role.
    pub async fn create_role(&self, caller: &Caller, input: CreateRoleInput) -> Answer<RoleOutput> {
        let key = role_key(account_of(caller)?, &input.role_name);
        check_trust(&input.assume_role_policy_document)?;
        let role = RoleRecord {
            id: principal_id(&*self.0.entropy, "AROA"),
            created: self.0.clock.now().as_millis(),
            tags: input.tags,
            trust: input.assume_role_policy_document,
            description: input.description,
            session_seconds_max: seconds(input.max_session_duration)
                .unwrap_or(SESSION_SECONDS_DEFAULT),
        };
        let made = key.clone();
        let change = move |snapshot: &Snapshot| {
            must_be_new(&key, snapshot, ROLES_MAX)?;
            Ok(vec![put(key.table_key(), &role)])
        };
        let snapshot = self.0.change(change).await?;
        Ok(RoleOutput { role: shape(find(&snapshot, &made)?) })
    }

    /// Shows a role.
    pub async fn get_role(&self, caller: &Caller, input: GetRoleInput) -> Answer<RoleOutput> {
        let key = role_key(account_of(caller)?, &input.role_name);
        Ok(RoleOutput { role: shape(find(&self.0.snapshot(), &key)?) })
    }

    /// Lists the roles of the account.
    pub async fn list_roles(
        &self,
        caller: &Caller,
        input: ListRolesInput,
    ) -> Answer<ListRolesOutput> {
        let snapshot = self.0.snapshot();
        let roles = snapshot.entities_of(account_of(caller)?, Kind::Role);
        let name = |role: &&Arc<Entity>| role.name();
        let (roles, next_token) = page(roles, name, input.limit, input.next_token.as_deref());
        let roles = roles.into_iter().map(|role| shape(role)).collect();
        Ok(ListRolesOutput { roles, next_token })
    }

    /// Changes a role. Sessions that began go on.
    pub async fn update_role(&self, caller: &Caller, input: UpdateRoleInput) -> Answer<RoleOutput> {
        let key = role_key(account_of(caller)?, &input.role_name);
        input.assume_role_policy_document.as_deref().map(check_trust).transpose()?;
        let changed = key.clone();
        let change = move |snapshot: &Snapshot| {
            let mut role = record_of(find(snapshot, &key)?);
            if let Some(trust) = input.assume_role_policy_document {
                role.trust = trust;
            }
            if let Some(description) = input.description {
                role.description = Some(description);
            }
            if let Some(seconds) = seconds(input.max_session_duration) {
                role.session_seconds_max = seconds;
            }
            Ok(vec![put(key.table_key(), &role)])
        };
        let snapshot = self.0.change(change).await?;
        Ok(RoleOutput { role: shape(find(&snapshot, &changed)?) })
    }

    /// Deletes a role that has nothing any more. Its sessions are over.
    pub async fn delete_role(&self, caller: &Caller, input: DeleteRoleInput) -> Answer<()> {
        let key = role_key(account_of(caller)?, &input.role_name);
        let change = move |snapshot: &Snapshot| {
            if !find(snapshot, &key)?.policies.is_empty() {
                let text = "Cannot delete entity, must delete policies first.";
                return Err(Error::Conflict(text.into()));
            }
            Ok(vec![Change::Delete { key: key.table_key() }])
        };
        self.0.change(change).await?;
        Ok(())
    }
}

fn check_trust(document: &str) -> Result<()> {
    if chars(document) > TRUST_CHARS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Cannot exceed quota for ACLSizePerRole: {TRUST_CHARS_MAX}"
        )));
    }
    Policy::parse(document, PolicyKind::Trust)
        .map(|_| ())
        .map_err(|error| Error::Invalid(error.to_string()))
}

fn seconds(duration: Option<i32>) -> Option<u32> {
    duration.and_then(|duration| u32::try_from(duration).ok())
}

fn record_of(role: &Entity) -> RoleRecord {
    let details = role.role.as_ref().expect("what is found under a role's key is a role");
    RoleRecord {
        id: role.id.clone(),
        created: role.created.as_millis(),
        tags: role.tags.clone(),
        trust: details.trust.text.to_string(),
        description: details.description.clone(),
        session_seconds_max: details.session_seconds_max,
    }
}

fn shape(role: &Entity) -> Role {
    let record = record_of(role);
    Role {
        role_name: role.key.name.clone(),
        role_id: record.id,
        arn: role.arn(),
        create_date: role.created,
        assume_role_policy_document: record.trust,
        description: record.description,
        max_session_duration: i32::try_from(record.session_seconds_max).unwrap_or(i32::MAX),
        tags: record.tags,
    }
}
