//! Crawls of the app on a stack: started, told to end, waited for.

use super::stack::{Ran, Stack, curl, wait};

impl Stack {
    /// Starts a crawl that goes on until it is told to end; returns the id of its job.
    pub(super) fn crawl(&self) -> String {
        let job = self.post_crawl(false);
        wait("the crawl to start", || self.job(&job) == "in progress");
        job
    }

    /// Asks for a crawl, to be run at once or when the feeder gets to it.
    pub(super) fn post_crawl(&self, queued: bool) -> String {
        let address = self.docker(&["compose", "port", "traefik", "80"]);
        let body = serde_json::json!({
            "url": "https://docs.example.org", "seconds": 3600, "queued": queued});
        let url = format!("http://{}/api/crawls", address.trim());
        let json = [
            "-H",
            "content-type: application/json",
            "-d",
            &body.to_string(),
            &url,
        ];
        let (status, answer) = curl(&json);
        assert_eq!(status, 201, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        answer["job_id"].as_str().expect("an id").to_owned()
    }

    /// Tells crawls to end, those that are to come as soon as they start.
    pub(super) fn end_crawls<'a>(&self, jobs: impl IntoIterator<Item = &'a String>) {
        let keys = jobs.into_iter().map(|job| format!("testbed:end:{job}"));
        let pairs: Vec<String> = keys.flat_map(|key| [key, "1".to_owned()]).collect();
        let set = ["compose", "exec", "-T", "redis", "redis-cli", "MSET"];
        let pairs = pairs.iter().map(String::as_str);
        self.docker(&set.into_iter().chain(pairs).collect::<Vec<_>>());
    }

    /// Runs the tool and tells `jobs` to end once it waits for them.
    pub(super) fn waits_for<'a>(
        &self,
        jobs: impl IntoIterator<Item = &'a String>,
        tool: impl FnOnce() -> Ran + Send,
    ) -> Ran {
        std::thread::scope(|scope| {
            let run = scope.spawn(tool);
            self.wait_draining();
            self.end_crawls(jobs);
            run.join().expect("ends")
        })
    }

    pub(super) fn wait_draining(&self) {
        wait("the run to wait for the crawls", || {
            let status = self.tool(&["status"]);
            status.text.contains("stands at: wait for active jobs")
        });
    }
}
