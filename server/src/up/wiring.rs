//! From the configuration to the scenarios, desks and rules of the node.

#[cfg(feature = "signals")]
use std::sync::Arc;

use conurb_act::Desk;
use conurb_context::{DEFAULT_VOCAB, Entity};
use conurb_scenario::Scenario;
use conurb_store::Stores;
use conurb_think::Rule;

use super::outbox::Outbox;
use crate::config::Config;
use crate::fail::{Failure, io};

/// What runs and how it reaches its actuators.
pub(crate) type Wired = Vec<(Box<dyn Scenario>, Desk)>;

/// The operator's rules.
pub(crate) fn rules(config: &Config) -> Result<Vec<Rule>, Failure> {
    let Some(section) = &config.rules else {
        return Ok(Vec::new());
    };
    let path = &section.file;
    let text = std::fs::read_to_string(path).map_err(|e| io(path, "cannot read", &e))?;
    let mut rules = conurb_think::rules_from_toml(&text, &path.display().to_string())?;
    conurb_think::expand_names(&mut rules, |term| {
        if term.contains(':') {
            term.to_owned()
        } else {
            format!("{DEFAULT_VOCAB}{term}")
        }
    });
    Ok(rules)
}

/// The scenarios that the configuration switches on; `channel` makes the channel of one.
pub(crate) fn scenarios(
    config: &Config,
    stores: Option<&Stores<Entity>>,
    channel: &dyn Fn(&str) -> Outbox,
) -> Result<Wired, Failure> {
    let Some(section) = &config.signals else {
        return Ok(Vec::new());
    };
    #[cfg(feature = "signals")]
    return Ok(vec![signals(config, section, stores, channel)?]);
    #[cfg(not(feature = "signals"))]
    {
        let _ = (section, stores, channel);
        Err(Failure::plain(
            "[signals] is set, but the signals scenario is not in this build",
            Some("build with the feature `signals` (it is on by default), or remove the section"),
        ))
    }
}

#[cfg(feature = "signals")]
fn signals(
    config: &Config,
    section: &crate::config::SignalsConfig,
    stores: Option<&Stores<Entity>>,
    channel: &dyn Fn(&str) -> Outbox,
) -> Result<(Box<dyn Scenario>, Desk), Failure> {
    let path = &section.network;
    let bytes = std::fs::read(path).map_err(|e| io(path, "cannot read", &e))?;
    let network = conurb_traffic::Network::from_json(&bytes, &path.display().to_string())?;
    let interval_s = section.decision_interval_s;
    let settings = conurb_signals::Settings {
        city: config.node.city.clone(),
        decision_interval_s: interval_s,
        horizon_s: interval_s.saturating_mul(3).clamp(45, 600),
        command_valid_s: interval_s.saturating_mul(3),
        max_age_s: interval_s.max(15),
        stagger: section.stagger,
        ..conurb_signals::Settings::default()
    };
    // Replays read these; with --check nothing is written.
    let keep = |bytes: &[u8]| match stores {
        Some(stores) => stores.blobs.put(bytes),
        None => Ok(String::new()),
    };
    let network_hash = keep(&bytes)?;
    let settings_hash = keep(&settings.to_bytes())?;
    let signals =
        conurb_signals::Signals::new(Arc::new(network), network_hash, settings, settings_hash)
            .map_err(|e| Failure::plain(format!("[signals] {e}"), None))?;
    let Some(action) = signals.manifest().action.first() else {
        return Err(Failure::plain("the signals manifest names no action", None));
    };
    let envelope = conurb_act::Envelope {
        rate_per_min: action.rate_per_min,
        expires_s: action.expires_s,
        limits: action.limits.clone(),
    };
    let desk = Desk::new(
        Box::new(channel("signals")),
        envelope,
        Box::new(conurb_act::NoGuard),
        Box::new(|_| serde_json::json!({"release": true})),
    )?;
    Ok((Box::new(signals), desk))
}
