//! The configuration file of the private NATS server: JetStream, limits, and one user per
//! service, which may publish only that service's subjects.

use crate::databases::SERVICES;
use crate::error::LocalStackError;
use crate::random;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The users of a private NATS server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NatsUsers {
    /// May do anything: for tests and for looking around, for no service.
    pub admin: NatsUser,
    /// The contract service.
    pub contract: NatsUser,
    /// The recognition service.
    pub recognition: NatsUser,
    /// The reporting service.
    pub reporting: NatsUser,
}

/// One user's credentials.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NatsUser {
    /// The name of the user.
    pub name: String,
    /// The generated password. It is not part of the URL, because the client library ignores
    /// credentials there.
    pub password: String,
}

impl NatsUsers {
    /// New passwords for all users.
    pub(crate) fn generate() -> Result<Self, LocalStackError> {
        let user = |name: &str| -> Result<NatsUser, LocalStackError> {
            Ok(NatsUser { name: name.to_owned(), password: random::hex::<16>()? })
        };
        let [contract, recognition, reporting] = SERVICES.map(user);
        Ok(Self {
            admin: user("admin")?,
            contract: contract?,
            recognition: recognition?,
            reporting: reporting?,
        })
    }

    fn services(&self) -> [&NatsUser; 3] {
        [&self.contract, &self.recognition, &self.reporting]
    }
}

/// The text of the configuration file.
pub(crate) fn render(server_name: &str, port: u16, home: &Path, users: &NatsUsers) -> String {
    let services: String = users.services().iter().map(|user| service_user(user)).collect();
    format!(
        r#"server_name: "{server_name}"
listen: "127.0.0.1:{port}"
pid_file: "{home}/nats.pid"
# One message carries a tenant's batch of events; the server's default is 1 MB.
max_payload: 8MB
jetstream {{
  store_dir: "{home}/store"
  max_memory_store: 512MB
  max_file_store: 32GB
}}
authorization {{
  users: [
    {{ user: "{admin}", password: "{admin_password}" }}
{services}  ]
}}
"#,
        home = home.display(),
        admin = users.admin.name,
        admin_password = users.admin.password,
    )
}

/// A service publishes its own log, asks the JetStream API and acknowledges what it consumed; it
/// may not write into inboxes, so it cannot pass off a message to a consumer as another's.
fn service_user(user: &NatsUser) -> String {
    format!(
        r#"    {{ user: "{name}", password: "{password}", permissions: {{
        publish: {{ allow: ["backlog.v1.*.{name}.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>"] }}
        subscribe: {{ allow: ["backlog.v1.>", "_INBOX.>"] }}
    }} }}
"#,
        name = user.name,
        password = user.password,
    )
}
