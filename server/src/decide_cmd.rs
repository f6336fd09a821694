//! `conurb decide`: list, explain, replay, verify, overturn.

use std::path::Path;
use std::sync::Arc;

use conurb_base::SystemClock;
use conurb_decide::{Decision, Filter, Ledger};
use conurb_scenario::Scenario;
use conurb_store::embedded::Durability;
use rand::seq::SliceRandom as _;
use serde_json::json;

use crate::cli::{DecideArgs, DecideCommand};
use crate::fail::{Failure, io};
use crate::node_dir;
use crate::out::{Lang, say};

/// Runs the command.
pub(crate) fn run(args: &DecideArgs, lang: Lang) -> Result<(), Failure> {
    let (dir, card) = node_dir::locate(&args.data)?;
    if let DecideCommand::Verify { head } = &args.what {
        return verify(&dir, &card.city, head.as_deref(), args.json);
    }
    let clock = SystemClock::shared();
    let stores = node_dir::open(&dir, Durability::Synced, clock.clone())?;
    let ledger = Ledger::open(stores.ledger.clone(), stores.blobs.clone(), &card.city)?;
    match &args.what {
        DecideCommand::List { subject, limit } => {
            list(&ledger, subject.as_deref(), *limit, args.json)
        }
        DecideCommand::Explain { id } => {
            let decision = find(&ledger, id)?;
            if args.json {
                say(&pretty(&decision));
            } else {
                say(&conurb_decide::explain(&decision, lang.into()));
            }
            Ok(())
        }
        DecideCommand::Replay { id, sample, seed } => {
            replay(&ledger, &stores, id.as_deref(), *sample, *seed, args.json)
        }
        DecideCommand::Overturn { id, by, reason } => {
            let undo = ledger.overturn(id, by, reason, clock.now())?;
            if args.json {
                say(&pretty(&undo));
            } else {
                say(&format!("overturned {id}"));
                for command in &undo.command_ids {
                    say(&format!(
                        "  to undo: {command} on {} (a running node does it at once; here nothing is running)",
                        undo.subject
                    ));
                }
            }
            Ok(())
        }
        DecideCommand::Verify { .. } => Ok(()),
    }
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|e| e.to_string())
}

fn find(ledger: &Ledger, id: &str) -> Result<Decision, Failure> {
    ledger.read(id)?.ok_or_else(|| {
        Failure::plain(
            format!("no decision {id} in this ledger"),
            Some("`conurb decide list` prints ids"),
        )
    })
}

/// Reads the file itself, so that it works beside a running node and on a damaged ledger.
fn verify(dir: &Path, city: &str, head: Option<&str>, json_out: bool) -> Result<(), Failure> {
    let path = dir.join("ledger").join("ledger.jsonl");
    let bytes = std::fs::read(&path).map_err(|e| io(&path, "cannot read", &e))?;
    match conurb_decide::verify_bytes(&bytes, city, head) {
        Ok(v) => {
            if json_out {
                say(&pretty(
                    &json!({"ok": true, "entries": v.entries, "decisions": v.decisions, "head": v.head}),
                ));
            } else {
                say(&format!(
                    "ledger intact: {} entries, {} decisions, head {}",
                    v.entries, v.decisions, v.head
                ));
            }
            Ok(())
        }
        Err(broken) => {
            if json_out {
                say(&pretty(&json!({"ok": false, "broken": broken})));
            }
            Err(Failure::check(format!("{}: {broken}", path.display())))
        }
    }
}

fn list(
    ledger: &Ledger,
    subject: Option<&str>,
    limit: usize,
    json_out: bool,
) -> Result<(), Failure> {
    let mut filter = Filter {
        limit: Some(limit),
        ..Filter::default()
    };
    if let Some(s) = subject {
        filter.subject = Some(s.to_owned());
    }
    let found = ledger.list(&filter)?;
    if json_out {
        say(&pretty(&found));
        return Ok(());
    }
    for d in &found {
        let r = &d.record;
        let action = r
            .options
            .get(r.chosen)
            .map(|o| o.action.to_string())
            .unwrap_or_default();
        say(&format!(
            "{}  {:<10}  {action}  {}",
            r.decided_at,
            format!("{:?}", d.status()).to_lowercase(),
            r.id
        ));
    }
    say(&format!("{} shown", found.len()));
    Ok(())
}

/// The same inputs through the same model must give the same options and choice.
fn replay(
    ledger: &Ledger,
    stores: &conurb_store::Stores<conurb_context::Entity>,
    id: Option<&str>,
    sample: usize,
    seed: u64,
    json_out: bool,
) -> Result<(), Failure> {
    let mut records = Vec::new();
    match id {
        Some(id) => records.push(find(ledger, id)?.record),
        None => {
            ledger.for_each(0, &mut |_, entry| {
                if let conurb_decide::LedgerEntry::Decided(r) = entry {
                    records.push(*r);
                }
                true
            })?;
            let mut stream = conurb_base::stream(seed, "decide", "replay-sample");
            records.shuffle(&mut stream);
            records.truncate(sample);
        }
    }
    let mut scenarios = crate::scenarios::ReplayScenarios::new(stores.blobs.clone());
    let mut differ = Vec::new();
    for r in &records {
        let inputs = ledger.inputs(&r.inputs.hash)?;
        let scenario: Arc<dyn Scenario> = scenarios.for_record(r, &inputs)?;
        match scenario.replay_for(&r.subject, &inputs, &r.model) {
            Ok(p) if p.chosen == r.chosen && p.options == r.options && p.why == r.why => {}
            Ok(p) => differ.push(format!(
                "{}: chosen {} in the record, {} on replay",
                r.id, r.chosen, p.chosen
            )),
            Err(e) => differ.push(format!("{}: {e}", r.id)),
        }
    }
    let same = records.len() - differ.len();
    if json_out {
        say(&pretty(
            &json!({"replayed": records.len(), "same": same, "differ": differ}),
        ));
    } else {
        say(&format!(
            "{same} of {} decisions replayed to the same options, choice and reason (sample seed {seed})",
            records.len()
        ));
    }
    if records.is_empty() {
        return Err(Failure::check("the ledger holds no decision to replay"));
    }
    if differ.is_empty() {
        Ok(())
    } else {
        Err(Failure::check(differ.join("\n")))
    }
}
