//! Turn restrictions: relations of a way, a node and a way.

use std::collections::{BTreeMap, BTreeSet};

use super::raw::{Kind, Relation};
use crate::streets::Ban;
use crate::sumo::Unmodelled;

/// The bans of the map by node identifier; what cannot be applied is listed.
pub(super) fn read(
    restrictions: &[Relation],
    is_street: impl Fn(i64) -> bool,
    file: &str,
    unmodelled: &mut Unmodelled,
) -> BTreeMap<i64, BTreeSet<Ban>> {
    let mut bans: BTreeMap<i64, BTreeSet<Ban>> = BTreeMap::new();
    for relation in restrictions {
        match one(relation, &is_street) {
            Ok(found) => {
                for (node, ban) in found {
                    bans.entry(node).or_default().insert(ban);
                }
            }
            Err(feature) => {
                let place = || match relation.line {
                    0 => format!("{file}: relation {}", relation.id),
                    line => format!("{file}:{line}: relation {}", relation.id),
                };
                unmodelled.add_at(feature, place);
            }
        }
    }
    bans
}

fn one(
    relation: &Relation,
    is_street: impl Fn(i64) -> bool,
) -> Result<Vec<(i64, Ban)>, &'static str> {
    let tags = &relation.tags;
    if tags.get("restriction:conditional").is_some() && tags.get("restriction").is_none() {
        return Err("turn restriction that holds at times: not applied");
    }
    let exempt = tags.get("except").unwrap_or("");
    if exempt
        .split(';')
        .any(|e| matches!(e.trim(), "motorcar" | "motor_vehicle"))
    {
        return Err("turn restriction that cars are exempt from: not applied");
    }
    let value = tags
        .get("restriction")
        .or_else(|| tags.get("restriction:motorcar"));
    let value = value.unwrap_or("");
    let only = value.starts_with("only_");
    if !only && !value.starts_with("no_") {
        return Err("turn restriction of an unknown kind: not applied");
    }
    let ids = |role: &str, kind: Kind| -> Vec<i64> {
        let all = relation.members.iter();
        all.filter(|m| m.role == role && m.kind == kind)
            .map(|m| m.id)
            .collect()
    };
    let (from, to) = (ids("from", Kind::Way), ids("to", Kind::Way));
    let via = ids("via", Kind::Node);
    if !ids("via", Kind::Way).is_empty() {
        return Err("turn restriction over a way in between: not applied");
    }
    let [via] = via[..] else {
        return Err("turn restriction without one `via` node: not applied");
    };
    if from.is_empty() || to.is_empty() {
        return Err("turn restriction without `from` or `to`: not applied");
    }
    if !from.iter().all(|w| is_street(*w)) || !to.iter().any(|w| is_street(*w)) {
        return Err("turn restriction of a way that is no street for cars: not applied");
    }
    let mut all = Vec::new();
    for &from_way in &from {
        all.extend(to.iter().map(|&to_way| {
            (
                via,
                Ban {
                    from_way,
                    to_way,
                    only,
                    u_turn: value.ends_with("_u_turn"),
                },
            )
        }));
    }
    Ok(all)
}
