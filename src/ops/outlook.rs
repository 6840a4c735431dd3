//! Looking ahead: inventory, findings, edits and plan, as every verb that upgrades begins.

use super::project::Project;
use super::state_folder::StateFolder;
use super::{gc, rehearse, state_folder};
use crate::event::{Failure, Finding, PlanView, RehearsalView};
use crate::host::files;
use crate::inventory::Inventory;
use crate::plan::{self, Changes, Fetched, FileEdits, Plan, Run};
use crate::preflight::{self, Case};

/// What an upgrade would find and do.
pub(super) struct Outlook {
    pub(super) inventory: Inventory,
    pub(super) changes: Changes,
    pub(super) edits: Vec<FileEdits>,
    pub(super) findings: Vec<Finding>,
    /// The newest rehearsal of it.
    rehearsal: Option<RehearsalView>,
    to: Option<String>,
}

/// How far one can see.
pub(super) enum Look {
    /// As far as the plan.
    Outlook(Box<Outlook>),
    /// Only what stands in the way of looking.
    Blind(Vec<Finding>),
}

impl Look {
    /// Looks and judges; changes nothing. `as_if` judges as if the app had to be stopped, also
    /// where it does not.
    pub(super) async fn new(
        project: &Project,
        to: Option<&str>,
        as_if: bool,
    ) -> Result<Self, Failure> {
        let inventory = match project.look(to).await {
            Ok(inventory) => inventory,
            Err(blind) => return preflight::blind(blind).map(Self::Blind),
        };
        let mut outlook = Outlook::of(inventory, to, as_if).rehearsed(&project.state)?;
        if let Some(journal) = project.state.journal_to_read().await? {
            let name = &outlook.inventory.model.name;
            let open = journal.open_run(name).await;
            let open = open.map_err(|error| state_folder::failure(&error))?;
            outlook
                .findings
                .extend(open.map(|run| preflight::open_run(&run)));
            let free = gc::could_free(&project.state, &outlook.inventory).await?;
            preflight::say_what_gc_frees(&mut outlook.findings, free);
        }
        Ok(Self::Outlook(Box::new(outlook)))
    }
}

impl Outlook {
    /// Judges what was found.
    pub(super) fn of(inventory: Inventory, to: Option<&str>, as_if: bool) -> Self {
        let changes = Changes::of(&inventory);
        // A file is edited only along with a change that needs it.
        let edited = changes.need_outage(&inventory) || to.is_some();
        let case = Case {
            inventory: &inventory,
            changes: &changes,
            to,
            outage: changes.need_outage(&inventory) || as_if,
        };
        let mut findings = preflight::before_fetch(case);
        let mut edits = Vec::new();
        if edited || as_if {
            match plan::plan_edits(&inventory, to) {
                Ok(planned) => edits = planned,
                Err(found) => findings.extend(found),
            }
        }
        let unwritable = edits.iter().filter(|file| !files::is_writable(&file.path));
        findings.extend(unwritable.map(|file| preflight::not_writable(&file.path)));
        if !edited {
            edits.clear();
        }
        Self {
            inventory,
            changes,
            edits,
            findings,
            rehearsal: None,
            to: to.map(str::to_owned),
        }
    }

    /// The same with what is known from rehearsals.
    pub(super) fn rehearsed(self, state: &StateFolder) -> Result<Self, Failure> {
        Ok(Self {
            rehearsal: rehearse::newest(state, &self.inventory)?,
            ..self
        })
    }

    pub(super) fn is_unchanged(&self) -> bool {
        self.changes.is_empty() && self.edits.is_empty()
    }

    pub(super) fn refuses(&self) -> bool {
        preflight::refuses(&self.findings)
    }

    /// Adds what the new images show.
    pub(super) fn judge_fetched(&mut self, fetched: &Fetched) {
        let found = preflight::after_fetch(&self.inventory, fetched, self.to.as_deref());
        self.findings.extend(found);
    }

    pub(super) fn irreversible(&self, fetched: &Fetched) -> Vec<String> {
        plan::irreversible(&self.inventory, fetched, self.to.as_deref())
    }

    pub(super) fn fetch_plan(&self, run: &Run) -> Plan {
        plan::fetch(&self.inventory, &self.changes, run)
    }

    pub(super) fn upgrade_plan(&self, fetched: &Fetched, run: &Run) -> Plan {
        plan::upgrade(&self.inventory, &self.changes, &self.edits, fetched, run)
    }

    pub(super) fn view(&self, plans: &[&Plan], fetched: &Fetched) -> PlanView {
        let mut view = plan::view(
            &self.inventory,
            &self.changes,
            &self.edits,
            plans,
            fetched,
            self.to.as_deref(),
            self.findings.clone(),
        );
        view.rehearsal = self.rehearsal.clone().filter(|_| !self.is_unchanged());
        // A line of a file, or what Compose says of it, may hold what is secret.
        let redactor = &self.inventory.redactor;
        for text in &mut view.diffs {
            *text = redactor.redact(text);
        }
        for finding in &mut view.findings {
            finding.text = redactor.redact(&finding.text);
            finding.cure = redactor.redact(&finding.cure);
        }
        view
    }
}
