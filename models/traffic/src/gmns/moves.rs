//! Lanes and movements.

use super::table::{Row, Table};
use super::{Links, Nodes, Units, allows_cars};
use crate::error::TrafficError;
use crate::streets::{Listed, Map, Sign};

/// Widths of lanes believed, m.
const WIDTH_M: std::ops::RangeInclusive<f64> = 1.5..=10.0;

/// Widths and uses of lanes; where lanes are listed for a link, those for cars are its lanes.
pub(super) fn lanes(
    table: &Table,
    links: &Links,
    units: Units,
    map: &mut Map,
) -> Result<(), TrafficError> {
    let mut counts = vec![0_u8; map.streets.len()];
    for row in table.rows() {
        let Some(street) = street(&row, "link_id", links, map)? else {
            continue;
        };
        // Lane 0 and below are left of the middle: turn lanes of the other direction and the like.
        let number = row.number("lane_num")?;
        if !allows_cars(row.text("allowed_uses")) || number < 1.0 {
            let what = "lane not for cars, or left of the first one: left out";
            map.unmodelled.add_at(what, || row.here());
            continue;
        }
        if let Some(width) = row.number_if("width")? {
            let width = width * units.short_m;
            let rule = "in m it has to be from 1.5 to 10 (see `short_length` in config.csv)";
            row.within("width", width, WIDTH_M, rule)?;
            map.streets[street].width_m = width;
        }
        counts[street] = counts[street].saturating_add(1);
        row.within(
            "lane_num",
            f64::from(counts[street]),
            0.0..=16.0,
            "at most 16 lanes a link",
        )?;
    }
    for (street, count) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
        map.streets[street].lanes = count;
        if let Some(reverse) = map.streets[street].reverse {
            map.streets[reverse].lanes_beside = count;
        }
    }
    Ok(())
}

/// The street a row names, none where the link was left out.
fn street(
    row: &Row<'_>,
    column: &'static str,
    links: &Links,
    map: &mut Map,
) -> Result<Option<usize>, TrafficError> {
    let id = row.needed(column)?;
    if let Some((street, _)) = links.get(id) {
        return Ok(Some(*street));
    }
    let what = "row of a link that is not in the network: not used";
    map.unmodelled.add_at(what, || row.here());
    Ok(None)
}

/// The streets a movement leads from and to; none where one of them was left out.
fn streets(
    row: &Row<'_>,
    (id, node): (&str, usize),
    links: &Links,
    map: &mut Map,
) -> Result<Option<(usize, usize)>, TrafficError> {
    let pair = [("ib_link_id", true), ("ob_link_id", false)];
    let mut found = [None, None];
    for (slot, (column, enters)) in found.iter_mut().zip(pair) {
        if street(row, column, links, map)?.is_none() {
            continue;
        }
        let (forward, back) = links[row.text(column)];
        let fits = |s: &usize| {
            let s = &map.streets[*s];
            if enters { s.to == node } else { s.from == node }
        };
        let end = if enters { "end" } else { "start" };
        *slot = Some(
            [Some(forward), back]
                .into_iter()
                .flatten()
                .find(fits)
                .ok_or_else(|| row.wrong(column, &format!("does not {end} at node \"{id}\"")))?,
        );
    }
    Ok(found[0].zip(found[1]))
}

/// The turns: where a node has any, others are not allowed there.
pub(super) fn read(
    table: &Table,
    nodes: &Nodes,
    links: &Links,
    map: &mut Map,
) -> Result<(), TrafficError> {
    for row in table.rows() {
        row.needed("mvmt_id")?;
        let id = row.needed("node_id")?;
        let Some(&node) = nodes.number.get(id) else {
            if map
                .assumed
                .count("node outside of the box asked for: left out")
                > 0
            {
                continue;
            }
            return Err(TrafficError::UnknownId {
                at: row.at("node_id"),
                what: "node",
                id: id.to_owned(),
                hint: " in node.csv".into(),
            });
        };
        if !allows_cars(row.text("allowed_uses")) {
            let what = "movement not for cars: left out";
            map.unmodelled.add_at(what, || row.here());
            continue;
        }
        let Some((from, to)) = streets(&row, (id, node), links, map)? else {
            continue;
        };
        let listed = Listed {
            from: range(
                &row,
                ("start_ib_lane", "end_ib_lane"),
                map.streets[from].lanes,
            )?,
            to: range(
                &row,
                ("start_ob_lane", "end_ob_lane"),
                map.streets[to].lanes,
            )?,
        };
        map.nodes[node].listed = true;
        map.listed.insert((from, to), listed);
        match row.text("ctrl_type") {
            "signal" | "signal_with_RTOR" => map.nodes[node].signal = true,
            "yield" => map.streets[from].sign = map.streets[from].sign.max(Sign::GiveWay),
            "stop" | "stop_2_way" | "stop_4_way" => {
                map.streets[from].sign = map.streets[from].sign.max(Sign::Stop);
                let what = "stop sign: gives way without having to stop";
                map.unmodelled.add_at(what, || row.here());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Lanes from 1 at the inside, as indices from 0; all of them where the table is silent.
fn range(
    row: &Row<'_>,
    (first, last): (&'static str, &'static str),
    lanes: u8,
) -> Result<(u8, u8), TrafficError> {
    let Some(start) = row.count_if(first, 1..=16)? else {
        return Ok((0, lanes - 1));
    };
    let end = row.count_if(last, 1..=16)?.unwrap_or(start);
    for (column, lane) in [(first, start), (last, end)] {
        if lane > lanes {
            return Err(row.wrong(
                column,
                &format!("is no lane of the link, which has {lanes}"),
            ));
        }
    }
    Ok((start.min(end) - 1, start.max(end) - 1))
}
