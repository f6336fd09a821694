//! The node's configuration: one typed tree; defaults < file < `CONURB__SECTION__KEY` < flags.

use std::path::{Path, PathBuf};

use conurb_base::ConfigError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything an operator may set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The node itself.
    pub(crate) node: NodeConfig,
    /// The HTTP surface.
    pub(crate) http: HttpConfig,
    /// Sensors and commands over MQTT; absent = off.
    pub(crate) mqtt: Option<MqttConfig>,
    /// Stream rules; absent = none.
    pub(crate) rules: Option<RulesConfig>,
    /// Signal control; absent = off.
    pub(crate) signals: Option<SignalsConfig>,
}

/// The node itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NodeConfig {
    /// City id: lower-case letters, digits, hyphens. Part of every id and of the ledger's first hash.
    pub(crate) city: String,
    /// Folder for the node's data.
    pub(crate) data: PathBuf,
    /// Most changes that may wait between intake and the loop; more = HTTP 429.
    pub(crate) queue_items_max: usize,
    /// Most bytes that may wait there.
    pub(crate) queue_bytes_max: usize,
    /// Seconds between two snapshots of current state.
    pub(crate) checkpoint_s: u64,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            city: "city".to_owned(),
            data: PathBuf::from("data"),
            queue_items_max: 200_000,
            queue_bytes_max: 64 << 20,
            checkpoint_s: 300,
        }
    }
}

/// The HTTP surface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpConfig {
    /// Address to listen on; port 0 takes a free one and prints it.
    pub(crate) listen: String,
    /// Largest request body, bytes; more = HTTP 413.
    pub(crate) body_bytes_max: usize,
    /// Longest time one request may take, seconds.
    pub(crate) timeout_s: u64,
    /// Most connections at one time; further ones wait to be accepted.
    pub(crate) connections_max: usize,
    /// Most live streams (`/api/v1/live`) at one time; more = HTTP 429.
    pub(crate) streams_max: usize,
    /// Hosts that notifications and context fetches may reach besides public ones; loopback and
    /// private addresses are refused unless named here.
    pub(crate) allow_hosts: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8440".to_owned(),
            body_bytes_max: 16 << 20,
            timeout_s: 30,
            connections_max: 1024,
            streams_max: 64,
            allow_hosts: Vec::new(),
        }
    }
}

/// Sensors and commands over MQTT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MqttConfig {
    /// Broker host.
    pub(crate) host: String,
    /// Broker port.
    #[serde(default = "mqtt_port")]
    pub(crate) port: u16,
    /// Client id; must be unique at the broker and stay the same, so that nothing is missed.
    pub(crate) client_id: String,
    /// User name, where the broker asks for one.
    #[serde(default)]
    pub(crate) username: Option<String>,
    /// Name of the environment variable that holds the password.
    #[serde(default)]
    pub(crate) password_env: Option<String>,
    /// Mapping files: which topics carry what.
    pub(crate) mappings: Vec<PathBuf>,
    /// Commands are published under this prefix, `<prefix>/<actuator>`; absent = not sent here.
    #[serde(default)]
    pub(crate) command_prefix: Option<String>,
}

const fn mqtt_port() -> u16 {
    1883
}

/// Stream rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesConfig {
    /// The file, see `docs/rules.md`.
    pub(crate) file: PathBuf,
}

/// Signal control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalsConfig {
    /// Road network, CityFlow JSON.
    pub(crate) network: PathBuf,
    /// `advise`, `approve` or `auto`; absent = the scenario's own default.
    #[serde(default)]
    pub(crate) mode: Option<Mode>,
    /// Seconds between two decisions at a signal.
    #[serde(default = "decision_interval_s")]
    pub(crate) decision_interval_s: u32,
    /// In mode approve: how long a decision waits for a person, seconds.
    #[serde(default = "approval_ttl_s")]
    pub(crate) approval_ttl_s: u32,
    /// Spread the signals' decisions over the interval.
    #[serde(default = "yes")]
    pub(crate) stagger: bool,
}

const fn decision_interval_s() -> u32 {
    15
}

const fn approval_ttl_s() -> u32 {
    60
}

const fn yes() -> bool {
    true
}

/// How decisions become actions: the decision crate's mode, with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Shown; nothing is sent.
    Advise,
    /// Sent once a person approves.
    Approve,
    /// Sent at once, inside the envelope.
    Auto,
}

impl From<Mode> for conurb_decide::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Advise => Self::Advise,
            Mode::Approve => Self::Approve,
            Mode::Auto => Self::Auto,
        }
    }
}

/// The JSON Schema of the configuration, as committed in `api/config.schema.json`.
#[cfg(test)]
fn schema_json() -> String {
    let schema = schemars::schema_for!(Config);
    let mut text = serde_json::to_string_pretty(&schema).expect("a generated schema is plain JSON");
    text.push('\n');
    text
}

impl Config {
    /// Reads `file` (where given), then lays `environment` over it.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (text, name) = match file {
            None => (String::new(), "(defaults)".to_owned()),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|e| {
                    ConfigError::at_offset("", &name, 0, format!("cannot be read: {e}"))
                })?;
                (text, name)
            }
        };
        Self::parse(&text, &name, environment)
    }

    /// Reads the text of a file, then lays `environment` over it.
    fn parse(
        text: &str,
        name: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        // Once for the file alone, so that its errors carry their place; once with the overlay.
        let config: Self = conurb_base::from_toml(text, name)?;
        let config = overlay(config, text, environment)?;
        config.check(text, name)?;
        Ok(config)
    }

    /// Rules that span keys.
    fn check(&self, text: &str, file: &str) -> Result<(), ConfigError> {
        let bad = |key: &str, what: String| {
            let offset = text.find(key).unwrap_or(0);
            Err(ConfigError::at_offset(text, file, offset, what))
        };
        let city = &self.node.city;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if city.is_empty() || city.len() > 64 || !city.bytes().all(plain) {
            return bad(
                "city",
                format!("node.city \"{city}\": 1 to 64 lower-case letters, digits, hyphens"),
            );
        }
        if self.http.listen.parse::<std::net::SocketAddr>().is_err() {
            return bad(
                "listen",
                format!(
                    "http.listen \"{}\" is no address like 127.0.0.1:8440",
                    self.http.listen
                ),
            );
        }
        let http = &self.http;
        if http.body_bytes_max == 0 || http.timeout_s == 0 || http.connections_max == 0 {
            return bad(
                "[http]",
                "http.body_bytes_max, timeout_s and connections_max must be more than 0".to_owned(),
            );
        }
        if self.node.checkpoint_s == 0 {
            return bad(
                "checkpoint_s",
                "node.checkpoint_s must be more than 0".to_owned(),
            );
        }
        if self.node.queue_items_max == 0 || self.node.queue_bytes_max == 0 {
            return bad(
                "[node]",
                "node.queue_items_max and queue_bytes_max must be more than 0".to_owned(),
            );
        }
        Ok(())
    }
}

/// Lays `CONURB__SECTION__KEY` values over the file's tree.
fn overlay(
    config: Config,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table: toml::Table = conurb_base::from_toml(text, "")?;
    let mut names: Vec<String> = Vec::new();
    for (key, value) in environment {
        let Some(path) = key.strip_prefix("CONURB__") else {
            continue;
        };
        let parts: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        if parts.iter().any(String::is_empty) {
            continue;
        }
        names.push(key.clone());
        insert(&mut table, &parts, value);
    }
    if names.is_empty() {
        return Ok(config);
    }
    let merged = toml::to_string(&table)
        .map_err(|e| ConfigError::at_offset("", "environment", 0, e.to_string()))?;
    conurb_base::from_toml(&merged, &format!("environment ({})", names.join(", ")))
}

fn insert(table: &mut toml::Table, path: &[String], value: String) {
    let [head, rest @ ..] = path else { return };
    if rest.is_empty() {
        // A value reads as TOML where it can (numbers, booleans, lists), as text otherwise.
        let parsed = format!("v = {value}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut t| t.remove("v"))
            .unwrap_or(toml::Value::String(value));
        table.insert(head.clone(), parsed);
        return;
    }
    let entry = table
        .entry(head.clone())
        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(inner) = entry {
        insert(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("conurb.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(
            Some(&file),
            env.iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect::<Vec<_>>()
                .into_iter(),
        )
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let config = load(
            "[http]\nlisten = \"127.0.0.1:1\"\ntimeout_s = 5\n",
            &[
                ("CONURB__HTTP__LISTEN", "127.0.0.1:2"),
                ("CONURB__NODE__CITY", "suzhou"),
            ],
        )
        .unwrap();
        assert_eq!(config.http.listen, "127.0.0.1:2");
        assert_eq!(config.http.timeout_s, 5);
        assert_eq!(config.node.city, "suzhou");
    }

    #[test]
    fn an_unknown_key_is_located_and_a_near_one_proposed() {
        let err = load("[http]\n\nlissten = \"x\"\n", &[]).unwrap_err();
        assert_eq!(err.at.line, Some(3));
        assert_eq!(err.remedy.as_deref(), Some("did you mean `listen`?"));
        let err = load("", &[("CONURB__HTTP__LISSTEN", "x")]).unwrap_err();
        assert!(err.to_string().contains("CONURB__HTTP__LISSTEN"), "{err}");
    }

    #[test]
    fn values_are_checked_at_start() {
        assert!(
            load("[http]\nlisten = \"here\"\n", &[])
                .unwrap_err()
                .to_string()
                .contains("listen")
        );
        assert!(
            load("[node]\ncity = \"New York\"\n", &[])
                .unwrap_err()
                .at
                .line
                == Some(2)
        );
    }

    /// The fuzz target of this parser: it stands here because only the program knows its types.
    #[test]
    fn mutated_files_and_variables_are_read_or_refused_with_their_line() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conurb.example.toml");
        let text = std::fs::read_to_string(path).unwrap().replace("#: ", "");
        let mut mutator = conurb_testkit::Mutator::new(20_261_128);
        for round in 0..1_500 {
            let bytes = mutator.next(&[text.clone().into_bytes()]);
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            let value = changed.chars().skip(round).take(40).collect();
            let variable = ("CONURB__HTTP__LISTEN".to_owned(), value);
            for environment in [None, Some(variable)] {
                if let Err(error) = Config::parse(&changed, "c.toml", environment.into_iter()) {
                    assert!(error.at.line.is_some(), "round {round}: {error}");
                }
            }
        }
    }

    /// Fails once after a change of the types, having rewritten the file: commit it.
    #[test]
    fn the_committed_schema_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/config.schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let fresh = schema_json();
        if committed != fresh {
            std::fs::write(path, &fresh).expect("api/ is writable");
            panic!("api/config.schema.json was stale and has been rewritten: review and commit it");
        }
    }

    #[test]
    fn the_example_reads_and_names_every_key_of_the_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conurb.example.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let shipped = load(&text, &[]).unwrap();
        assert_eq!(shipped, Config::default(), "uncommented lines are defaults");
        // With the commented sections switched on it must read as well.
        let whole: String = text
            .lines()
            .map(|l| l.strip_prefix("#: ").unwrap_or(l))
            .flat_map(|l| [l, "\n"])
            .collect();
        let whole = load(&whole, &[]).unwrap();
        assert!(whole.mqtt.is_some() && whole.rules.is_some() && whole.signals.is_some());
        let schema: serde_json::Value = serde_json::from_str(&schema_json()).unwrap();
        for (section, of) in schema["$defs"].as_object().unwrap() {
            for key in of["properties"]
                .as_object()
                .into_iter()
                .flat_map(|p| p.keys())
            {
                assert!(
                    text.contains(&format!("{key} = ")),
                    "{section}.{key} is not in the example"
                );
            }
        }
    }
}
