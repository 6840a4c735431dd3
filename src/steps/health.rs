//! Asking the app itself whether it is well: its own part first, all of it once the worker runs.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::POLL;
use crate::engine::StepReport;
use crate::event::{Artifact, Failure, ProgressUnit};
use crate::host::{Container, Containers, HttpAnswer};

/// See the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The service that answers.
    pub service: String,
    /// Its port.
    pub port: u16,
    /// The path.
    pub path: String,
    /// A JSON pointer and the text there, for the service's own part; without it the status 200
    /// is asked for, which speaks for the whole app.
    pub part: Option<(String, String)>,
    /// Seconds it may take.
    pub window_seconds: u64,
}

impl Health {
    pub(super) fn id(&self) -> &str {
        match self.part {
            Some(_) => &self.service,
            None => "app",
        }
    }

    pub(super) fn title(&self) -> String {
        match self.part {
            Some(_) => format!("wait until {} says that it is healthy", self.service),
            None => format!("wait until {} answers 200 on {}", self.service, self.path),
        }
    }

    pub(crate) async fn run(
        &self,
        containers: &impl Containers,
        report: &StepReport,
    ) -> Result<Option<Artifact>, Failure> {
        let begun = Instant::now();
        loop {
            let last = self.ask(containers).await;
            if last.as_ref().is_ok_and(|answer| self.is_well(answer)) {
                return Ok(None);
            }
            let found = containers.of_service(&self.service).await?;
            if let Some(ended) = found.iter().find(|container| !container.is_up()) {
                return Err(Failure::new(format!(
                    "service `{}` ended with exit code {} while it was waited for",
                    self.service, ended.exit_code
                ))
                .hint(format!("`docker compose logs {}` tells why", self.service)));
            }
            if begun.elapsed() >= Duration::from_secs(self.window_seconds) {
                return Err(self.unwell(last));
            }
            let seconds = begun.elapsed().as_secs();
            report.progress(seconds, Some(self.window_seconds), ProgressUnit::Seconds);
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ask(&self, containers: &impl Containers) -> Result<HttpAnswer, Failure> {
        let found = containers.of_service(&self.service).await?;
        let Some(container) = found.iter().find(|container| Container::is_up(container)) else {
            return Err(Failure::new(format!(
                "service `{}` is not running",
                self.service
            )));
        };
        Ok(containers.get(&container.id, self.port, &self.path).await?)
    }

    fn is_well(&self, answer: &HttpAnswer) -> bool {
        let Some((pointer, wanted)) = &self.part else {
            return answer.status == 200;
        };
        serde_json::from_str::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|body| body.pointer(pointer).map(|found| found == wanted.as_str()))
            .unwrap_or(false)
    }

    fn unwell(&self, last: Result<HttpAnswer, Failure>) -> Failure {
        let details = match last {
            Ok(answer) => format!("last answer: {} {}", answer.status, answer.body),
            Err(failure) => failure.error,
        };
        Failure::new(format!(
            "service `{}` did not say that it is healthy within {} s",
            self.service, self.window_seconds
        ))
        .details(vec![details])
        .hint(format!("`docker compose logs {}` tells more", self.service))
    }
}
