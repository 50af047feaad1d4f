//! The tree of who belongs where, as the file declares it.

use std::sync::Arc;

use super::{At, Checking};
use crate::{
    Directory,
    config::{
        raw::{Raw, RawDirectory},
        shape::join,
    },
};

impl Checking<'_> {
    pub(super) fn directory(&mut self, raw: &Raw) -> Directory {
        let declared = RawDirectory {
            organizations: raw.organizations.clone(),
            divisions: raw.divisions.clone(),
            teams: raw.teams.clone(),
            projects: raw.projects.clone(),
            users: raw.users.clone(),
            virtual_accounts: raw.virtual_accounts.clone(),
            roles: raw.roles.clone(),
            bindings: raw.bindings.clone(),
        };
        let (directory, flaws) = Directory::new(Arc::new(declared), Arc::default());
        for flaw in flaws {
            let object = join(flaw.kind.plural(), &flaw.id);
            match flaw.field.split_once('.') {
                None if flaw.field.is_empty() => {
                    self.report.error(flaw.fault, At::Name(&object), flaw.message, flaw.fix);
                }
                // The name of the entry is what is wrong, not its value.
                Some(("teams", team)) => {
                    let path = join(&join(&object, "teams"), team);
                    self.report.error(flaw.fault, At::Name(&path), flaw.message, flaw.fix);
                }
                _ => {
                    let path = format!("{object}.{}", flaw.field);
                    self.report.error(flaw.fault, At::Value(&path), flaw.message, flaw.fix);
                }
            }
        }
        directory
    }
}
