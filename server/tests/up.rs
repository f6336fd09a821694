//! `conurb up` as an operator meets it: the built binary, a folder, a port, a broker, signals.
#![cfg(feature = "signals")]
#![allow(clippy::unwrap_used)] // a test that cannot go on says where

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use conurb_base::{Clock as _, SystemClock};
use conurb_links::{Handler, MqttLink, MqttMessage, MqttOptions, Verdict};
use conurb_signals::Settings;
use conurb_signals::layout::signals_of;
use conurb_traffic::Network;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_conurb");

/// A running node; killed when dropped.
struct Node {
    child: Child,
    url: String,
}

impl Node {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["up", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("the node said: {line:?}"))
            .to_owned();
        Self { child, url }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, value)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = reqwest::Client::new()
            .post(format!("{}{path}", self.url))
            .json(body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// SIGTERM, and how it ended; panics after ten seconds.
    fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(kill.success());
        for _ in 0..100 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the node did not stop within 10 s");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(BINARY).arg("up").args(args).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn entity(n: u32) -> Value {
    json!({"id": format!("urn:ngsi-ld:T:{n}"), "type": "T", "v": {"type": "Property", "value": n}})
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_stop_and_live_streams_do_not_hold_it_up() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let mut node = Node::start(&["--data", data]);
    let (status, health) = node.get("/healthz").await;
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    for n in 0..20 {
        let (status, body) = node.post("/ngsi-ld/v1/entities", &entity(n)).await;
        assert_eq!(status, 201, "{body}");
    }
    let live = reqwest::get(format!("{}/api/v1/live", node.url))
        .await
        .unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let (_, metrics) = node.get("/metrics").await;
    let metrics = metrics.as_str().unwrap().to_owned();
    assert!(
        metrics.contains("conurb_operations_total 20\n"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    assert_eq!(node.terminate(), Some(0));
    let node = Node::start(&["--data", data]);
    let (_, found) = node.get("/ngsi-ld/v1/entities?type=T&limit=100").await;
    assert_eq!(found.as_array().map(Vec::len), Some(20));
}

#[tokio::test]
async fn refusals_are_problem_documents_with_code_and_instance() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&["--data", dir.path().to_str().unwrap()]);
    for (path, status, code) in [
        ("/nothing", 404, "CNB-UP-0001"),
        ("/api/v1/decisions?limt=1", 400, "CNB-UP-0003"),
        ("/api/v1/decisions?limit=0", 400, "CNB-UP-0003"),
        ("/api/v1/decisions/urn%3Ax", 404, "CNB-DECIDE-0003"),
        ("/api/v1/live?topics=weather", 400, "CNB-UP-0003"),
    ] {
        let (got, body) = node.get(path).await;
        assert_eq!(
            (got, &body["code"]),
            (status, &json!(code)),
            "{path}: {body}"
        );
        let instance = path.split('?').next().unwrap();
        assert_eq!(body["instance"], json!(instance));
    }
    let (status, body) = node.post("/api/v1/kpis", &json!({})).await;
    assert_eq!((status, &body["code"]), (405, &json!("CNB-UP-0002")));
    let id = "/api/v1/decisions/urn%3Ax/approve";
    let (status, body) = node.post(id, &json!({"who": ""})).await;
    assert_eq!((status, &body["code"]), (400, &json!("CNB-UP-0003")));
    let (status, _) = node.post(id, &json!({"who": "a"})).await;
    assert_eq!(status, 404);
    let (status, page) = node.get("/").await;
    assert_eq!(status, 200);
    assert!(
        !page.as_str().unwrap().contains("http://"),
        "no outside requests"
    );
}

#[test]
fn a_taken_port_a_locked_folder_and_a_bad_file_are_named_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let node = Node::start(&["--data", data]);
    let other = dir.path().join("other");
    let taken = node.url.strip_prefix("http://").unwrap();
    let (code, text) = refused(&["--data", other.to_str().unwrap(), "--listen", taken]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("CNB-UP-0009") && text.contains("--listen"),
        "{text}"
    );
    assert!(!other.exists(), "nothing was made before the port was had");
    let (code, text) = refused(&["--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("CNB-STORE-0003") && text.contains("help:"),
        "{text}"
    );
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, "[http]\nlissten = \"127.0.0.1:0\"\n").unwrap();
    let (code, text) = refused(&["--config", file.to_str().unwrap(), "--check"]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("bad.toml:2:1") && text.contains("`listen`"),
        "{text}"
    );
}

/// A Mosquitto on a free port; killed when dropped.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    fn start(dir: &Path) -> Self {
        let places = [
            "/usr/sbin/mosquitto",
            "/usr/bin/mosquitto",
            "/usr/local/sbin/mosquitto",
        ];
        let binary = places
            .into_iter()
            .find(|p| Path::new(p).exists())
            .expect("this test needs Mosquitto: install it with `apt-get install mosquitto`");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let config = dir.join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        std::fs::write(&config, text).unwrap();
        let child = Command::new(binary)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From here on the guard's `Drop` ends the process, whatever happens.
        let broker = Self { child, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return broker;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("mosquitto did not come up on port {port}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the detectors of all signals report now, by topic.
fn reports(network: &Network) -> Vec<(String, Vec<u8>)> {
    let now = SystemClock::new().now().to_iso();
    let mut out = Vec::new();
    for layout in signals_of(network, &Settings::default()) {
        let lanes: Vec<Value> = layout
            .entering
            .iter()
            .chain(&layout.leaving)
            .map(|ix| {
                let lane = &network.lanes()[ix.ix()];
                json!({"device": lane.id, "t": now, "lane": lane.index, "vehicles": 3 + ix.ix() % 5,
                       "queue": 2, "occupancy": 0.2, "intensity": 1, "speed_km_h": 12.0})
            })
            .collect();
        let station = format!("detectors/{}", layout.id);
        out.push((station, serde_json::to_vec(&lanes).unwrap()));
        let signal = json!({"device": layout.id, "t": now, "phase": layout.options[0].phase});
        out.push((
            format!("signals/{}", layout.id),
            signal.to_string().into_bytes(),
        ));
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_over_mqtt_become_decisions_commands_and_receipts() {
    let dir = tempfile::tempdir().unwrap();
    let city = dir.path().join("city");
    let made = Command::new(BINARY)
        .args(["gen", "--signals", "4", "--seed", "7", "--out"])
        .arg(&city)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let broker = Broker::start(dir.path());
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("mapping.toml"), conurb_signals::mapping("town")).unwrap();
    let config = format!(
        "[node]\ncity = \"town\"\ndata = {:?}\n[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n\
         client_id = \"node\"\nmappings = [{:?}]\ncommand_prefix = \"c\"\n\
         [signals]\nnetwork = {:?}\nmode = \"auto\"\ndecision_interval_s = 6\n",
        path("data"),
        broker.port,
        path("mapping.toml"),
        city.join("roadnet.json"),
    );
    std::fs::write(path("conurb.toml"), config).unwrap();
    let file = path("conurb.toml");
    let mut node = Node::start(&["--config", file.to_str().unwrap()]);
    let (commands, mut sent) = tokio::sync::mpsc::unbounded_channel::<Value>();
    let handler: Handler = Arc::new(move |m: MqttMessage| {
        let _ = commands.send(serde_json::from_slice(&m.payload).unwrap());
        Box::pin(async { Verdict::Durable })
    });
    let options = MqttOptions {
        port: broker.port,
        client_id: "roadside".to_owned(),
        subscriptions: vec!["c/+".to_owned()],
        ..MqttOptions::default()
    };
    let roadside = MqttLink::start(options, SystemClock::shared(), handler).unwrap();
    let network = std::fs::read(city.join("roadnet.json")).unwrap();
    let network = Network::from_json(&network, "roadnet.json").unwrap();
    let mut command = None;
    for _ in 0..40 {
        for (topic, body) in reports(&network) {
            roadside.publish(&topic, body, false).unwrap();
        }
        let wait = Duration::from_secs(1);
        // What we publish on c/receipt comes back to us as well: only commands have an actuator.
        if let Ok(Some(value)) = tokio::time::timeout(wait, sent.recv()).await
            && value.get("actuator").is_some()
        {
            command = Some(value);
            break;
        }
    }
    let command = command.expect("a command within 40 s");
    let receipt = json!({"command": command["id"], "receipt": "accepted"}).to_string();
    roadside
        .publish("c/receipt", receipt.into_bytes(), false)
        .unwrap();
    check_decision(&mut node, command["decision_id"].as_str().unwrap()).await;
    assert_eq!(node.terminate(), Some(0));
}

/// The decision has its command, its receipt and its explanation, and can be taken back once.
async fn check_decision(node: &mut Node, id: &str) {
    let at = format!("/api/v1/decisions/{}", id.replace(':', "%3A"));
    let mut decision = Value::Null;
    for _ in 0..50 {
        decision = node.get(&at).await.1;
        if decision["receipts"].to_string().contains("accepted") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(decision["receipts"][0]["receipt"], "sent", "{decision}");
    assert!(
        decision["receipts"].to_string().contains("accepted"),
        "{decision}"
    );
    assert_eq!(decision["record"]["mode"], "auto");
    let (status, text) = node.get(&format!("{at}/explain?lang=zh")).await;
    assert_eq!(status, 200);
    assert!(text.as_str().unwrap().contains("决策"), "{text}");
    let said = json!({"who": "operator", "reason": "test"});
    let (status, after) = node.post(&format!("{at}/overturn"), &said).await;
    assert_eq!(
        (status, &after["status"]),
        (200, &json!("overturned")),
        "{after}"
    );
    let (status, again) = node.post(&format!("{at}/overturn"), &said).await;
    assert_eq!((status, &again["code"]), (409, &json!("CNB-UP-0004")));
    let (_, kpis) = node.get("/api/v1/kpis").await;
    assert!(kpis["decisions"]["auto"].as_u64() > Some(0), "{kpis}");
    assert_eq!(kpis["scenarios"][0]["kpis"][0]["value"], "not measured");
    let (_, health) = node.get("/healthz").await;
    assert_eq!(health["parts"]["mqtt"]["link"]["refused"], 0, "{health}");
}

#[tokio::test]
async fn models_are_processes_that_can_be_described_and_executed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&["--data", dir.path().to_str().unwrap()]);
    let (status, list) = node.get("/ogc/processes").await;
    assert_eq!(status, 200);
    let ids: Vec<&str> = list["processes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["id"].as_str().unwrap())
        .collect();
    assert!(
        ids.is_sorted() && ids.contains(&"region.shapley"),
        "{ids:?}"
    );
    for id in &ids {
        let (status, whole) = node.get(&format!("/ogc/processes/{id}")).await;
        assert_eq!(status, 200, "{whole}");
        assert!(
            whole["inputs"].as_object().is_some_and(|i| !i.is_empty()),
            "{whole}"
        );
        assert!(
            whole["outputs"].as_object().is_some_and(|o| !o.is_empty()),
            "{whole}"
        );
    }
    // At once: two rivers into a lake (Dong, Ni and Wang 2012).
    let rivers = json!({"inputs": {
        "cities": ["1", "2", "3", "4"], "downstream": [2, 2, 3, null], "costs": [4, 6, 9, 12],
    }});
    let (status, found) = node
        .post("/ogc/processes/region.river/execution", &rivers)
        .await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(
        found["result"]["upstream_equal"],
        json!([10.0, 12.0, 6.0, 3.0])
    );
    // What cannot be read is told by its name, and an unknown process by its nearest.
    let (status, problem) = node
        .post(
            "/ogc/processes/region.river/execution",
            &json!({"inputs": {"cities": 3}}),
        )
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("CNB-PROC-0004")));
    assert!(
        problem["detail"].as_str().unwrap().contains("cities"),
        "{problem}"
    );
    let (status, problem) = node
        .post("/ogc/processes/region.rivers/execution", &rivers)
        .await;
    assert_eq!(status, 404);
    assert!(
        problem["type"]
            .as_str()
            .unwrap()
            .ends_with("no-such-process"),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("region.river"),
        "{problem}"
    );
}

#[tokio::test]
async fn executions_can_be_jobs_that_are_watched_and_dismissed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&["--data", dir.path().to_str().unwrap()]);
    // One after the other: the second is dismissed while the first runs.
    let day = json!({"inputs": {"signals": 16, "span_s": 600, "controller": "fixed"}});
    let first = node.submit("traffic.control", &day).await;
    let second = node.submit("traffic.control", &day).await;
    let (status, problem) = node.get(&format!("/ogc/jobs/{second}/results")).await;
    assert!(status == 404 || status == 200, "{problem}");
    let client = reqwest::Client::new();
    let dismissed = client
        .delete(format!("{}/ogc/jobs/{second}", node.url))
        .send()
        .await
        .unwrap();
    assert_eq!(dismissed.status(), 200);
    let mut job = Value::Null;
    for _ in 0..600 {
        job = node.get(&format!("/ogc/jobs/{first}")).await.1;
        if job["status"] == "successful" || job["status"] == "failed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (&job["status"], &job["progress"]),
        (&json!("successful"), &json!(100)),
        "{job}"
    );
    let (status, results) = node.get(&format!("/ogc/jobs/{first}/results")).await;
    assert_eq!(status, 200);
    assert!(
        results["kpis"].as_array().is_some_and(|k| !k.is_empty()),
        "{results}"
    );
    assert!(
        results["says"].as_str().unwrap().contains("synthetic"),
        "{results}"
    );
    let (_, jobs) = node.get("/ogc/jobs").await;
    assert_eq!(jobs["jobs"][0]["jobID"], json!(second));
}

impl Node {
    /// Submits an execution; the job's id.
    async fn submit(&self, process: &str, body: &Value) -> String {
        let response = reqwest::Client::new()
            .post(format!("{}/ogc/processes/{process}/execution", self.url))
            .header("prefer", "respond-async")
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
        let place = response.headers()["location"].to_str().unwrap().to_owned();
        place.strip_prefix("/ogc/jobs/").unwrap().to_owned()
    }
}
