//! Requests to stop: Ctrl-C, SIGTERM, a terminal that goes away.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::engine::Report;

/// Listens from when it is made. The first request stops a run where it can be stopped; what
/// cannot is gone through with.
#[derive(Debug, Clone)]
pub(super) struct StopRequest {
    requested: watch::Receiver<bool>,
    _listener: Arc<Listener>,
}

/// Ends with the last request that could be asked about.
#[derive(Debug)]
struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl StopRequest {
    pub(super) fn listen(report: Report) -> Self {
        let (sender, receiver) = watch::channel(false);
        let listener = tokio::spawn(async move {
            let kinds = [
                SignalKind::interrupt(),
                SignalKind::terminate(),
                SignalKind::hangup(),
            ];
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
                return;
            };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                report.note("stopping as soon as nothing is left half done");
                if sender.send(true).is_err() {
                    return;
                }
            }
        });
        Self {
            requested: receiver,
            _listener: Arc::new(Listener(listener.abort_handle())),
        }
    }

    /// Yields the reason once somebody asks, or has asked already.
    pub(super) async fn requested(&self) -> String {
        let mut receiver = self.requested.clone();
        if receiver.wait_for(|requested| *requested).await.is_err() {
            // Nobody listens for signals any more; so nobody will ask.
            std::future::pending::<()>().await;
        }
        "stopped on request".to_owned()
    }
}
