//! How to share the cost of cleaning a river.

use conurb_region::games::core_test;
use conurb_region::river::{RiverRule, RiverTree};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Choice, listed, words};
use crate::fail::Failure;

/// `[choose.sharing]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SharingChoice {
    /// Whose cost figures these are.
    pub(crate) source: String,
    /// Unit of the costs, e.g. `10^8 yuan a year`.
    pub(crate) unit: String,
    /// Cities along the rivers.
    pub(crate) cities: Vec<String>,
    /// The next city downstream of each; empty at the lake.
    pub(crate) downstream: Vec<String>,
    /// Cost of each city's own segment.
    pub(crate) costs: Vec<f64>,
}

/// Most players whose core is tested coalition by coalition.
const CORE_PLAYERS: usize = 14;

/// The three rules with their names.
const RULES: [(RiverRule, &str, &str); 3] = [
    (RiverRule::Local, "各自负责", "local responsibility"),
    (RiverRule::UpstreamEqual, "上游均摊", "upstream equal"),
    (RiverRule::DownstreamEqual, "下游均摊", "downstream equal"),
];

/// Computes the recommendation.
pub(super) fn choose(ask: &SharingChoice) -> Result<Choice, Failure> {
    if ask.source.trim().is_empty() {
        return Err(Failure::plain(
            "choose.sharing.source is empty",
            Some("a figure is printed with its source: name who counted"),
        ));
    }
    let tree = tree(ask)?;
    let (mut zh, mut en, mut lose_zh, mut lose_en) = (vec![], vec![], vec![], vec![]);
    let (mut rules, mut tested) = (Vec::new(), true);
    for (rule, rule_zh, rule_en) in RULES {
        let shares = tree.shares(rule);
        let told: Vec<String> = (ask.cities.iter().zip(&shares))
            .map(|(c, s)| format!("{c} {s:.2}"))
            .collect();
        zh.push(format!("{rule_zh}：{}", told.join("、")));
        en.push(format!("{rule_en}: {}", told.join(", ")));
        let more: Vec<String> = (ask.cities.iter().zip(shares.iter().zip(&ask.costs)))
            .filter(|(_, (share, own))| *share > &(*own + 1e-9 * own.abs()))
            .map(|(c, (share, own))| format!("{c} {:+.2}", share - own))
            .collect();
        lose_zh.push(format!("{rule_zh}：{}", listed(&more, "、")));
        lose_en.push(format!("{rule_en}: {}", listed(&more, ", ")));
        let in_core = if tree.agents() <= CORE_PLAYERS {
            Some(core_test(&tree.game(rule)?, &shares)?.in_core)
        } else {
            tested = false;
            None
        };
        rules.push(json!({
            "rule": rule_en,
            "shares": shares,
            "in_core": in_core,
            "statement": tree.statement(rule)?,
        }));
    }
    let total: f64 = ask.costs.iter().sum();
    let stable = rules.iter().all(|r| r["in_core"] == true);
    let (sure_zh, sure_en) = match (tested, stable) {
        (true, true) => (
            "每条规则都在各自博弈的核中（逐一检验）",
            "each rule lies in the core of its game (every coalition tested)",
        ),
        (true, false) => (
            "有规则不在核中",
            "a rule does not lie in the core of its game",
        ),
        (false, _) => (
            "依定理在核中，参与者过多，未逐一检验",
            "in the core by theorem; too many players to test each coalition",
        ),
    };
    Ok(Choice {
        id: "sharing",
        title: words(
            format!("联合治污，分摊 {total} {}", ask.unit),
            format!("Clean up together and share {total} {}", ask.unit),
        ),
        losers: words(
            format!("付得比自己河段多：{}", lose_zh.join("；")),
            format!("pay more than their own segment: {}", lose_en.join("; ")),
        ),
        effect: words(zh.join("；"), en.join("; ")),
        cost: words(
            format!("{total} {}（{}）", ask.unit, ask.source),
            format!("{total} {} ({})", ask.unit, ask.source),
        ),
        confidence: words(sure_zh, sure_en),
        formula: "LRS x_i = C_i; UES: C_k over k and all upstream; DES: C_k over k and all downstream",
        citation: "Ni and Wang 2007; Dong, Ni and Wang 2012",
        detail: json!({ "cities": ask.cities, "rules": rules }),
    })
}

fn tree(ask: &SharingChoice) -> Result<RiverTree, Failure> {
    let mut next = Vec::with_capacity(ask.downstream.len());
    for name in &ask.downstream {
        if name.is_empty() {
            next.push(None);
            continue;
        }
        let at = ask.cities.iter().position(|c| c == name);
        next.push(Some(at.ok_or_else(|| {
            Failure::plain(
                format!("choose.sharing.downstream names \"{name}\""),
                Some("write a city of choose.sharing.cities, or \"\" at the lake"),
            )
        })?));
    }
    Ok(RiverTree::new(ask.cities.clone(), next, ask.costs.clone())?)
}
