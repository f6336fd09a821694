//! The envelope: what no command may exceed, whoever decided it.

use std::collections::BTreeMap;

use conurb_base::TimeMs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActError, Command};

/// Largest action of a command, in bytes of JSON.
pub const ACTION_BYTES_MAX: usize = 16 << 10;
/// Longest id of a command, an actuator or a decision, in bytes.
pub const ID_BYTES_MAX: usize = 600;

/// Bounds of the commands to one kind of actuator, from the scenario's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Most commands one actuator may get a minute; 0 forbids all. Below 1, e.g. 0.5 means one
    /// in two minutes.
    pub rate_per_min: f64,
    /// Longest time a command may hold; after it the actuator is back on its safe plan.
    pub expires_s: i64,
    /// Limits by name: `min_X` and `max_X` bound the number `X` of every action that has it.
    /// Names of other forms are for the [`Guard`].
    #[serde(default)]
    pub limits: BTreeMap<String, f64>,
}

/// The scenario's own rules about a command, e.g. shortest green and yellow of a signal.
pub trait Guard: Send {
    /// Whether `command` may follow `last`, the newest command that was sent to the same actuator
    /// (`None`: none that we know of). The error says why not, for people.
    fn check(&self, command: &Command, last: Option<&Command>, now: TimeMs) -> Result<(), String>;
}

/// A guard that has no rules of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoGuard;

impl Guard for NoGuard {
    fn check(&self, _: &Command, _: Option<&Command>, _: TimeMs) -> Result<(), String> {
        Ok(())
    }
}

impl Envelope {
    /// Whether the envelope itself makes sense.
    pub fn validate(&self) -> Result<(), ActError> {
        let wrong = |what: String| Err(ActError::Setup { what });
        if !self.rate_per_min.is_finite() || !(0.0..=60_000.0).contains(&self.rate_per_min) {
            return wrong(format!(
                "rate_per_min is {}, not within 0 to 60000",
                self.rate_per_min
            ));
        }
        if !(1..=86_400).contains(&self.expires_s) {
            return wrong(format!(
                "expires_s is {}, not within 1 to 86400",
                self.expires_s
            ));
        }
        for (name, limit) in &self.limits {
            if !limit.is_finite() {
                return wrong(format!("limit {name} is no number"));
            }
            if let Some(field) = name.strip_prefix("min_")
                && let Some(max) = self.limits.get(&format!("max_{field}"))
                && limit > max
            {
                return wrong(format!("{name} is above max_{field}"));
            }
        }
        Ok(())
    }

    /// Most commands within how many milliseconds.
    #[must_use]
    pub fn rate_window(&self) -> (usize, i64) {
        if self.rate_per_min >= 1.0 {
            (self.rate_per_min as usize, 60_000)
        } else if self.rate_per_min > 0.0 {
            (1, (60_000.0 / self.rate_per_min) as i64)
        } else {
            (0, 60_000)
        }
    }

    /// Whether a command's action and validity are within bounds.
    pub fn check(&self, command: &Command) -> Result<(), ActError> {
        let outside = |what: String| {
            Err(ActError::Envelope {
                command: command.id.clone(),
                what,
            })
        };
        let valid_ms = command.expires_at.since_ms(command.issued_at);
        if valid_ms > self.expires_s * 1000 {
            return outside(format!(
                "it holds for {} s, longer than {} s",
                valid_ms as f64 / 1000.0,
                self.expires_s
            ));
        }
        for (name, limit) in &self.limits {
            let (field, is_min) = match (name.strip_prefix("min_"), name.strip_prefix("max_")) {
                (Some(field), _) => (field, true),
                (_, Some(field)) => (field, false),
                _ => continue,
            };
            let Some(value) = command.action.get(field) else {
                continue;
            };
            let Some(number) = value.as_f64() else {
                return outside(format!("{field} must be a number"));
            };
            if is_min && number < *limit {
                return outside(format!("{field} = {number} is below {name} = {limit}"));
            }
            if !is_min && number > *limit {
                return outside(format!("{field} = {number} is above {name} = {limit}"));
            }
        }
        Ok(())
    }
}

/// Whether a command can be read as an order at all.
pub(crate) fn well_formed(command: &Command, now: TimeMs) -> Result<(), ActError> {
    let wrong = |what: String| {
        Err(ActError::Malformed {
            command: command.id.chars().take(ID_BYTES_MAX).collect(),
            what,
        })
    };
    for (name, id) in [("id", &command.id), ("actuator", &command.actuator)] {
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return wrong(format!("its {name} must have 1 to {ID_BYTES_MAX} bytes"));
        }
    }
    if command.is_safe_plan() {
        return wrong("only the desk itself orders the safe plan".into());
    }
    if command.issued_at > now {
        return wrong("it was issued in the future".into());
    }
    if command.expires_at <= command.issued_at {
        return wrong("it expires before it is issued".into());
    }
    if json_larger_than(&command.action, ACTION_BYTES_MAX) {
        return wrong(format!("its action has more than {ACTION_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn json_larger_than(value: &Value, limit: usize) -> bool {
    serde_json::to_vec(value).is_ok_and(|bytes| bytes.len() > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(limits: &[(&str, f64)]) -> Envelope {
        Envelope {
            rate_per_min: 6.0,
            expires_s: 30,
            limits: limits.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
        }
    }

    fn command(action: Value, valid_ms: i64) -> Command {
        Command {
            id: "urn:conurb:command:x:1".into(),
            decision_id: "d".into(),
            actuator: "a".into(),
            action,
            issued_at: TimeMs(0),
            expires_at: TimeMs(valid_ms),
        }
    }

    #[test]
    fn limits_bound_the_numbers_they_name() {
        let e = envelope(&[
            ("min_green_s", 5.0),
            ("max_green_s", 60.0),
            ("yellow_s", 5.0),
        ]);
        e.validate().unwrap();
        assert!(
            e.check(&command(serde_json::json!({"green_s": 5}), 1000))
                .is_ok()
        );
        assert!(
            e.check(&command(serde_json::json!({"phase": 5}), 1000))
                .is_ok()
        );
        for bad in [4.99, 60.5] {
            assert!(
                e.check(&command(serde_json::json!({"green_s": bad}), 1000))
                    .is_err()
            );
        }
        assert!(
            e.check(&command(serde_json::json!({"green_s": "long"}), 1000))
                .is_err()
        );
        assert!(e.check(&command(serde_json::json!({}), 30_001)).is_err());
    }

    #[test]
    fn senseless_envelopes_are_refused() {
        assert!(
            envelope(&[("min_x", 2.0), ("max_x", 1.0)])
                .validate()
                .is_err()
        );
        assert!(envelope(&[("min_x", f64::NAN)]).validate().is_err());
        let mut e = envelope(&[]);
        e.rate_per_min = -1.0;
        assert!(e.validate().is_err());
        e.rate_per_min = 0.5;
        assert_eq!(e.rate_window(), (1, 120_000));
        e.expires_s = 0;
        assert!(e.validate().is_err());
    }
}
