//! Right of way by lists of foes: checks the file's lists and finds what lies upstream of each link.

use super::Builder;
use crate::error::TrafficError;
use crate::ids::LinkIx;
use crate::network::{Foe, Priority, Upstream};
use crate::place::json_path;

/// Most entries in the list of foes of one lane link.
const FOES_MAX: usize = 4_000;
/// How far upstream of a link vehicles are seen, m.
const SIGHT_M: f64 = 80.0;
/// Most drivables upstream of one link.
const UPSTREAM_MAX: usize = 64;

impl Builder<'_> {
    /// The tables of the extension; none where right of way goes by rank.
    pub(super) fn priority(&self) -> Result<Option<Priority>, TrafficError> {
        let ext = self.file.conurb.as_ref();
        if ext.and_then(|ext| ext.right_of_way).is_none() {
            return Ok(None);
        }
        let mut p = Priority::default();
        p.foe_from.push(0);
        let mut first = 0;
        for (i, junction) in self.junctions.iter().enumerate() {
            let count: usize = junction.road_links.iter().map(|r| r.links.len()).sum();
            for (r, road_link) in junction.road_links.iter().enumerate() {
                for l in 0..road_link.links.len() {
                    self.link_priority(&mut p, (i, r, l), (first, count))?;
                }
            }
            first += count;
        }
        mark_yielded_to(&mut p);
        p.yields = (0..p.wait_m.len())
            .map(|link| p.foes_of(link).iter().any(|foe| foe.yields))
            .collect();
        self.upstream(&mut p);
        Ok(Some(p))
    }

    fn link_priority(
        &self,
        p: &mut Priority,
        (i, r, l): (usize, usize, usize),
        (first, count): (usize, usize),
    ) -> Result<(), TrafficError> {
        let road_links = self.file.intersections[i].road_links.as_deref();
        let here = p.wait_m.len();
        let length_m = self.links[here].length_m;
        let base = json_path!["intersections", i, "roadLinks", r, "laneLinks", l, "conurb"];
        let Some(ext) = &road_links.unwrap_or(&[])[r].lane_links[l].conurb else {
            p.wait_m.push(0.0);
            p.clear_m.push(length_m);
            p.changes.push(0);
            p.foe_from.push(p.foe_from[here]);
            return Ok(());
        };
        let within = |what, value: f64| {
            let value = self.number(&base, what, value, false)?;
            Ok(value.min(length_m))
        };
        p.wait_m.push(within("place to wait in m", ext.wait_at)?);
        p.clear_m
            .push(within("clearing distance in m", ext.clear_at)?);
        p.changes.push(ext.changes);
        self.limit(
            &base,
            "number of foes of a lane link",
            ext.foes.len(),
            FOES_MAX,
        )?;
        for foe in &ext.foes {
            let other = first + self.index(&base, "lane link", foe.link, count)?;
            p.foes.push(Foe {
                link: LinkIx::of(other).0,
                at_m: within("place of a conflict in m", foe.at)?,
                other_at_m: self.number(&base, "place of a conflict in m", foe.other_at, false)?,
                yields: foe.yields,
                is_yielded_to: false,
                merges: self.links[here].to == self.links[other].to,
            });
        }
        let foes = u32::try_from(p.foes.len()).map_err(|_| TrafficError::TooLarge {
            at: self.source.at(&base),
            what: "number of foes",
            found: p.foes.len(),
            limit: u32::MAX as usize,
        })?;
        p.foe_from.push(foes);
        Ok(())
    }

    fn upstream(&self, p: &mut Priority) {
        let lanes = self.lanes.len();
        let mut into = vec![Vec::new(); lanes];
        for (ix, link) in self.links.iter().enumerate() {
            into[link.to.ix()].push(ix);
        }
        p.upstream_from.push(0);
        for link in &self.links {
            let first = p.upstream.len();
            p.upstream.push(Upstream {
                drivable: link.from.0,
                beyond_m: 0.0,
                hops: 1,
            });
            let mut at = first;
            while at < p.upstream.len() && p.upstream.len() - first < UPSTREAM_MAX {
                let here = p.upstream[at];
                let (lane, link) = (
                    here.drivable as usize,
                    (here.drivable as usize).checked_sub(lanes),
                );
                let length_m =
                    link.map_or_else(|| self.lanes[lane].length_m, |l| self.links[l].length_m);
                let beyond_m = here.beyond_m + length_m;
                at += 1;
                if beyond_m > SIGHT_M {
                    continue;
                }
                let mut add = |drivable: u32| {
                    p.upstream.push(Upstream {
                        drivable,
                        beyond_m,
                        hops: here.hops + 1,
                    });
                };
                match link {
                    Some(l) => add(self.links[l].from.0),
                    None => {
                        for l in &into[lane] {
                            add(LinkIx::of(lanes + l).0);
                        }
                    }
                }
            }
            let end = u32::try_from(p.upstream.len()).expect("64 a link, and links are limited");
            p.upstream_from.push(end);
        }
    }
}

/// Who gives way knows it; now the others know it too.
fn mark_yielded_to(p: &mut Priority) {
    let range =
        |p: &Priority, link: usize| p.foe_from[link] as usize..p.foe_from[link + 1] as usize;
    for link in 0..p.wait_m.len() {
        for k in range(p, link) {
            let other = p.foes[k].link as usize;
            let yields =
                range(p, other).any(|m| p.foes[m].link as usize == link && p.foes[m].yields);
            p.foes[k].is_yielded_to = yields;
        }
    }
}
