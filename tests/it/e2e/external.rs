//! A database server that is no service of the project, and a machine without its tools.

use super::rollback::Seen;
use super::stack::{Compose, Stack, wait};

/// The server of the project's database, beside the project.
struct Server<'a> {
    stack: &'a Stack,
    name: String,
}

impl<'a> Server<'a> {
    fn new(stack: &'a Stack) -> Self {
        let name = format!("{}_db", stack.name);
        let network = format!("{}_proxy_tier", stack.name);
        let image = format!("{}/{}/pgvector:pg17", stack.registry(), stack.name);
        let run = ["run", "-d", "--name", &name, "--network", &network];
        stack.docker(&[&run[..], &["--env-file", "env_db.env", &image]].concat());
        let server = Self { stack, name };
        let inside = ["pg_isready", "-h", "127.0.0.1", "-U", "postgres"];
        wait("the server", || {
            let mut ready = stack.command("docker");
            ready.args(["exec", &server.name]).args(inside);
            ready.output().expect("starts").status.success()
        });
        server
    }

    fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let found = self.stack.docker(&["inspect", "-f", format, &self.name]);
        found.trim().to_owned()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let mut remove = self.stack.command("docker");
        let _ = remove.args(["rm", "-f", "-v", &self.name]).output();
    }
}

/// Takes the server out of the Compose file.
fn without_server(text: &str) -> String {
    let from = text.find("\n  db:\n").expect("the server");
    let to = text.find("\n  redis:\n").expect("the queue");
    let migration = "    depends_on:\n      db:\n        condition: service_healthy\n    networks:";
    format!("{}{}", &text[..from], &text[to..])
        .replace(migration, "    networks:")
        .replace("      db:\n        condition: service_healthy\n", "")
}

#[test]
fn a_database_elsewhere_is_backed_up_and_put_back() {
    let stack = Stack::new(Compose::Newest, &["--variant", "started"]);
    stack.edit("docker-compose.yml", without_server);
    let image = format!("{}/{}/pgvector:pg{{major}}", stack.registry(), stack.name);
    let recipe = include_str!("../../../compose-templates/eneo/recipe.toml");
    let named = recipe.replace(
        "name = \"POSTGRES_DB\"\n",
        &format!("name = \"POSTGRES_DB\"\ntools_image = \"{image}\"\n"),
    );
    std::fs::write(stack.path().join("recipe.toml"), named).expect("written");
    let server = Server::new(&stack);
    stack.set("POSTGRES_HOST", &server.address());
    stack.up();
    stack.seed();
    let recipe = ["--recipe", "recipe.toml"];
    stack
        .tool(&[&recipe[..], &["backup", "--prove", "restore"]].concat())
        .expect(0, "proven by a restore");
    stack.publish("v1.7.0", &["latest"]);
    stack
        .tool(&[&recipe[..], &["rehearse"]].concat())
        .expect(3, "is not a service of the project");
    let before = Seen::of_tables(&stack);
    stack.set("TESTBED_MIGRATION_FAIL", "last");
    stack.tool(&recipe).expect(4, "rolled back");
    assert_eq!(Seen::of_tables(&stack), before);
    stack.set("TESTBED_MIGRATION_FAIL", "");
    // No copy: the dump leads back.
    let strict = ["--backup", "strict"];
    stack
        .tool(&[&recipe[..], &strict].concat())
        .expect(0, "upgraded");
    stack
        .tool(&[
            "rollback",
            "--discard-writes-since",
            "--recipe",
            "recipe.toml",
        ])
        .expect(4, "rolled back");
    assert_eq!(Seen::of_tables(&stack), before);
    assert!(stack.get("/api/version").1.contains("v1.6.3"));
}
