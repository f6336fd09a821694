//! Scenarios as the node wires them: built from files, or rebuilt from kept blobs for a replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_decide::DecisionRecord;
use conurb_scenario::Scenario;
use conurb_store::BlobStore;

use crate::fail::Failure;

/// Scenarios rebuilt from what decisions kept, one per distinct set of inputs.
pub(crate) struct ReplayScenarios {
    #[cfg_attr(not(feature = "signals"), allow(dead_code))]
    // only scenarios rebuilt from blobs read it
    blobs: Arc<dyn BlobStore>,
    #[cfg_attr(not(feature = "signals"), allow(dead_code))]
    built: BTreeMap<String, Arc<dyn Scenario>>,
}

impl ReplayScenarios {
    /// From the blobs of the node whose decisions are replayed.
    pub(crate) fn new(blobs: Arc<dyn BlobStore>) -> Self {
        Self {
            blobs,
            built: BTreeMap::new(),
        }
    }

    /// The scenario that can replay `record`, whose input document is `inputs`.
    pub(crate) fn for_record(
        &mut self,
        record: &DecisionRecord,
        inputs: &[u8],
    ) -> Result<Arc<dyn Scenario>, Failure> {
        match record.scenario.as_str() {
            #[cfg(feature = "signals")]
            "signals" => self.signals(inputs),
            other => {
                let _ = inputs;
                registered(other).map(Arc::from)
            }
        }
    }

    #[cfg(feature = "signals")]
    fn signals(&mut self, inputs: &[u8]) -> Result<Arc<dyn Scenario>, Failure> {
        let document = conurb_signals::input::MadeWith::from_bytes(inputs)
            .map_err(|e| Failure::plain(e, None))?;
        let key = format!("{} {}", document.network, document.settings);
        if let Some(built) = self.built.get(&key) {
            return Ok(built.clone());
        }
        let blob = |hash: &str| -> Result<Vec<u8>, Failure> {
            self.blobs.get(hash)?.ok_or_else(|| {
                Failure::plain(format!("blob {hash} is missing from the data folder"), None)
            })
        };
        let network =
            conurb_traffic::Network::from_json(&blob(&document.network)?, "kept network")?;
        let settings = serde_json::from_slice(&blob(&document.settings)?)
            .map_err(|e| Failure::plain(format!("kept settings: {e}"), None))?;
        let signals = conurb_signals::Signals::new(
            Arc::new(network),
            document.network.clone(),
            settings,
            document.settings.clone(),
        )
        .map_err(|e| Failure::plain(e.to_string(), None))?;
        let built: Arc<dyn Scenario> = Arc::new(signals);
        self.built.insert(key, built.clone());
        Ok(built)
    }
}

/// A scenario that needs nothing but its default configuration.
fn registered(id: &str) -> Result<Box<dyn Scenario>, Failure> {
    let entry = crate::registry::SCENARIOS.iter().find(|e| e.id == id);
    let create = entry.and_then(|e| e.create).ok_or_else(|| {
        Failure::plain(
            format!("scenario \"{id}\" is not in this build"),
            Some("use the build that made the decision"),
        )
    })?;
    create(&toml::Table::new()).map_err(|e| Failure::plain(format!("scenario {id}: {e}"), None))
}
