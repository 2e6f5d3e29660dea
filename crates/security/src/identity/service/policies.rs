use wire::Caller;
use wire::admin::*;

use super::users::find;
use super::*;
use crate::identity::Identity;
use crate::identity::entity::Entity;
use crate::identity::record::PolicyRecord;
use crate::policy::{Policy, PolicyKind};

impl Identity {
    /// Attaches a policy to a user or a role, or replaces it.
    pub async fn put_principal_policy(
        &self,
        caller: &Caller,
        input: PutPrincipalPolicyInput,
    ) -> Answer<()> {
        let owner = owner(caller, input.user_name, input.role_name)?;
        let PutPrincipalPolicyInput { policy_name, policy_document, .. } = input;
        Policy::parse(&policy_document, PolicyKind::Identity)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let change = move |snapshot: &Snapshot| {
            must_have_room(find(snapshot, &owner)?, &policy_name, &policy_document)?;
            let record = PolicyRecord { document: policy_document };
            Ok(vec![put(owner.policy_key(&policy_name), &record)])
        };
        self.0.change(change).await?;
        Ok(())
    }

    /// Shows a policy as it was put.
    pub async fn get_principal_policy(
        &self,
        caller: &Caller,
        input: GetPrincipalPolicyInput,
    ) -> Answer<GetPrincipalPolicyOutput> {
        let GetPrincipalPolicyInput { user_name, role_name, policy_name } = input;
        let owner = owner(caller, user_name.clone(), role_name.clone())?;
        let snapshot = self.0.snapshot();
        let policy = find(&snapshot, &owner)?.policy(&policy_name);
        let policy = policy.ok_or_else(|| no_such_policy(&owner, &policy_name))?;
        let policy_document = policy.document.text.to_string();
        Ok(GetPrincipalPolicyOutput { user_name, role_name, policy_name, policy_document })
    }

    /// Lists the names of a principal's policies.
    pub async fn list_principal_policies(
        &self,
        caller: &Caller,
        input: ListPrincipalPoliciesInput,
    ) -> Answer<ListPrincipalPoliciesOutput> {
        let owner = owner(caller, input.user_name, input.role_name)?;
        let snapshot = self.0.snapshot();
        let policies = find(&snapshot, &owner)?.policies.iter();
        let policy_names = policies.map(|policy| policy.name.clone()).collect();
        Ok(ListPrincipalPoliciesOutput { policy_names })
    }

    /// Detaches a policy.
    pub async fn delete_principal_policy(
        &self,
        caller: &Caller,
        input: DeletePrincipalPolicyInput,
    ) -> Answer<()> {
        let owner = owner(caller, input.user_name, input.role_name)?;
        let name = input.policy_name;
        let change = move |snapshot: &Snapshot| {
            if find(snapshot, &owner)?.policy(&name).is_none() {
                return Err(no_such_policy(&owner, &name));
            }
            Ok(vec![Change::Delete { key: owner.policy_key(&name) }])
        };
        self.0.change(change).await?;
        Ok(())
    }
}

fn owner(caller: &Caller, user: Option<String>, role: Option<String>) -> Result<PrincipalKey> {
    let account = account_of(caller)?;
    match (user, role) {
        (Some(name), None) => Ok(user_key(account, &name)),
        (None, Some(name)) => Ok(role_key(account, &name)),
        _ => Err(Error::Invalid("Either a UserName or a RoleName must be given.".into())),
    }
}

fn must_have_room(owner: &Entity, name: &str, document: &str) -> Result<()> {
    let others = || owner.policies.iter().filter(|policy| policy.name != name);
    let title = owner.key.title();
    if others().count() >= POLICIES_MAX {
        let text = format!("Cannot exceed quota for PoliciesPer{title}: {POLICIES_MAX}");
        return Err(Error::LimitExceeded(text));
    }
    let taken: usize = others().map(|policy| chars(&policy.document.text)).sum();
    if taken + chars(document) > POLICY_CHARS_MAX {
        let (kind, name) = (owner.key.kind.word(), &owner.key.name);
        return Err(Error::LimitExceeded(format!(
            "Maximum policy size of {POLICY_CHARS_MAX} bytes exceeded for {kind} {name}"
        )));
    }
    Ok(())
}

fn no_such_policy(owner: &PrincipalKey, name: &str) -> Error {
    let kind = owner.kind.word();
    Error::NotFound(format!("The {kind} policy with name {name} cannot be found."))
}
