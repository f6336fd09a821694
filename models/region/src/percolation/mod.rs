//! Place linking: places belong together when a chain of steps of at most d km joins them, shown for
//! every d at once (percolation; Arcaute et al. 2016, Royal Society Open Science 3, 150691).
//!
//! Cutting the minimum spanning tree at d gives the components at d, so the tree is the whole curve.
//! Distances are great circles; the search runs on unit vectors in space, exact at any latitude.

mod tree;

use std::collections::BTreeSet;

use conurb_geo::great_circle_km;
use serde::Serialize;

use crate::RegionError;
use crate::places::Place;

/// Places a curve takes at most: spans look at every pair once.
pub const PLACES_MAX: usize = 50_000;

/// An edge of the minimum spanning tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Link {
    /// The place with the lower index.
    pub from: usize,
    /// The other place.
    pub to: usize,
    /// Great circle, km.
    pub km: f64,
}

/// A component at some distance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Component {
    /// Index of its most populous place (the first of equals).
    pub core: usize,
    /// Places in it.
    pub places: usize,
    /// Persons in it.
    pub pop_persons: f64,
    /// Largest great circle between two of its places, km.
    pub span_km: f64,
}

/// The state from one link distance up to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Linking distance from which it holds, km.
    pub d_km: f64,
    /// Number of components, single places included.
    pub components: usize,
    /// The component with most persons (then most places, then the lowest index).
    pub largest: Component,
    /// The next one; `None` when there is one component only.
    pub second: Option<Component>,
}

/// A sudden growth of the largest component.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Jump {
    /// Linking distance at which it happens, km.
    pub d_km: f64,
    /// Persons the largest component gains, as a share of all.
    pub gain_share: f64,
    /// The largest component just below the distance.
    pub before: Component,
    /// The largest component from the distance on.
    pub after: Component,
}

/// The whole curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Edges of the minimum spanning tree by length, then by index.
    pub links: Vec<Link>,
    /// States by distance; the first holds from 0 km on.
    pub steps: Vec<Step>,
    /// All persons.
    pub pop_persons: f64,
    places: usize,
}

/// Computes the whole curve. Places at one point link at 0 km; places may have no population.
///
/// # Errors
/// [`RegionError::Option`] without places or with a position out of range;
/// [`RegionError::TooLarge`] above [`PLACES_MAX`].
pub fn curve(places: &[Place]) -> Result<Curve, RegionError> {
    check(places)?;
    let vectors: Vec<[f64; 3]> = places
        .iter()
        .map(|p| tree::unit_vector(p.position()))
        .collect();
    let mut links: Vec<Link> = tree::minimum_spanning_tree(&vectors)
        .into_iter()
        .map(|(a, b)| Link {
            from: a.min(b),
            to: a.max(b),
            km: great_circle_km(places[a].position(), places[b].position()),
        })
        .collect();
    links.sort_by(|a, b| {
        a.km.total_cmp(&b.km)
            .then((a.from, a.to).cmp(&(b.from, b.to)))
    });
    let mut state = State::new(places, &vectors);
    let mut steps = vec![state.step(0.0)];
    let mut i = 0;
    while i < links.len() {
        let d_km = links[i].km;
        while i < links.len() && links[i].km <= d_km {
            state.merge(links[i].from, links[i].to);
            i += 1;
        }
        if d_km == 0.0 {
            steps.clear();
        }
        steps.push(state.step(d_km));
    }
    Ok(Curve {
        links,
        steps,
        pop_persons: places.iter().map(|p| p.pop_persons).sum(),
        places: places.len(),
    })
}

fn check(places: &[Place]) -> Result<(), RegionError> {
    if places.is_empty() {
        return Err(RegionError::option("places", "there are none"));
    }
    if places.len() > PLACES_MAX {
        return Err(RegionError::TooLarge {
            what: "places of a percolation curve".to_owned(),
            count: places.len() as u64,
            limit: PLACES_MAX as u64,
        });
    }
    let fault = |p: &&Place| {
        !((-90.0..=90.0).contains(&p.lat)
            && (-180.0..=180.0).contains(&p.lon)
            && p.pop_persons.is_finite()
            && p.pop_persons >= 0.0)
    };
    places.iter().find(fault).map_or(Ok(()), |p| {
        Err(RegionError::option(
            "places",
            format!(
                "{} at {}, {} with {} persons cannot be",
                p.name, p.lat, p.lon, p.pop_persons
            ),
        ))
    })
}

impl Curve {
    /// The state at a linking distance.
    ///
    /// # Errors
    /// [`RegionError::Option`] for a distance below 0.
    pub fn at(&self, d_km: f64) -> Result<&Step, RegionError> {
        // `NaN` is refused like a negative distance.
        if d_km.is_nan() || d_km < 0.0 {
            return Err(RegionError::option(
                "linking distance",
                format!("{d_km} is below 0"),
            ));
        }
        let after = self.steps.partition_point(|s| s.d_km <= d_km);
        Ok(&self.steps[after.max(1) - 1])
    }

    /// The components at a linking distance as lists of indices of places, largest list first,
    /// then by first index.
    ///
    /// # Errors
    /// As [`Curve::at`].
    pub fn members(&self, d_km: f64) -> Result<Vec<Vec<usize>>, RegionError> {
        self.at(d_km)?;
        let mut union = Union::new(self.places);
        for link in self.links.iter().take_while(|l| l.km <= d_km) {
            union.join(link.from, link.to);
        }
        let mut lists = vec![Vec::new(); self.places];
        for place in 0..self.places {
            lists[union.root(place)].push(place);
        }
        lists.retain(|l: &Vec<usize>| !l.is_empty());
        lists.sort_by_key(|l| (std::cmp::Reverse(l.len()), l[0]));
        Ok(lists)
    }

    /// The component of one place at a linking distance.
    ///
    /// # Errors
    /// As [`Curve::at`]; [`RegionError::Option`] when there is no such place.
    pub fn component_of(&self, place: usize, d_km: f64) -> Result<Vec<usize>, RegionError> {
        self.members(d_km)?
            .into_iter()
            .find(|list| list.binary_search(&place).is_ok())
            .ok_or_else(|| RegionError::option("place", format!("there is no place {place}")))
    }

    /// The `count` greatest gains of the largest component, greatest first.
    #[must_use]
    pub fn jumps(&self, count: usize) -> Vec<Jump> {
        if self.pop_persons <= 0.0 {
            return Vec::new();
        }
        let mut jumps: Vec<Jump> = self
            .steps
            .windows(2)
            .map(|w| Jump {
                d_km: w[1].d_km,
                gain_share: (w[1].largest.pop_persons - w[0].largest.pop_persons)
                    / self.pop_persons,
                before: w[0].largest,
                after: w[1].largest,
            })
            .filter(|j| j.gain_share > 0.0)
            .collect();
        jumps.sort_by(|a, b| {
            b.gain_share
                .total_cmp(&a.gain_share)
                .then(a.d_km.total_cmp(&b.d_km))
        });
        jumps.truncate(count);
        jumps
    }

    /// Length of the minimum spanning tree, km.
    #[must_use]
    pub fn tree_km(&self) -> f64 {
        self.links.iter().map(|l| l.km).sum()
    }
}

/// Union-find with path halving.
struct Union(Vec<usize>);

impl Union {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

/// A component under construction.
struct Part {
    members: Vec<usize>,
    pop_persons: f64,
    core: usize,
    /// The two places farthest apart, and the square of their chord.
    ends: (usize, usize),
    chord2: f64,
}

/// Components by rank, kept while links are added.
struct State<'p> {
    places: &'p [Place],
    vectors: &'p [[f64; 3]],
    union: Union,
    parts: Vec<Option<Part>>,
    /// Persons (as ordered bits), places, and the reverse of the root: the last is the largest.
    ranks: BTreeSet<(u64, usize, std::cmp::Reverse<usize>)>,
}

impl<'p> State<'p> {
    fn new(places: &'p [Place], vectors: &'p [[f64; 3]]) -> Self {
        let parts: Vec<Option<Part>> = places
            .iter()
            .enumerate()
            .map(|(i, place)| {
                Some(Part {
                    members: vec![i],
                    pop_persons: place.pop_persons,
                    core: i,
                    ends: (i, i),
                    chord2: 0.0,
                })
            })
            .collect();
        let ranks = parts
            .iter()
            .flatten()
            .enumerate()
            .map(|(i, p)| rank(p, i))
            .collect();
        Self {
            places,
            vectors,
            union: Union::new(places.len()),
            parts,
            ranks,
        }
    }

    /// Joins the components of two places of different components.
    fn merge(&mut self, a: usize, b: usize) {
        let (a, b) = (self.union.root(a), self.union.root(b));
        let take = |slot: &mut Option<Part>| slot.take().expect("every root has its part");
        let (pa, pb) = (take(&mut self.parts[a]), take(&mut self.parts[b]));
        self.ranks.remove(&rank(&pa, a));
        self.ranks.remove(&rank(&pb, b));
        self.union.join(a, b);
        let root = self.union.root(a);
        let (mut big, small) = if pa.members.len() >= pb.members.len() {
            (pa, pb)
        } else {
            (pb, pa)
        };
        if small.chord2 > big.chord2 {
            (big.ends, big.chord2) = (small.ends, small.chord2);
        }
        for &i in &small.members {
            for &j in &big.members {
                let chord2 = tree::chord2(&self.vectors[i], &self.vectors[j]);
                if chord2 > big.chord2 {
                    (big.ends, big.chord2) = ((i, j), chord2);
                }
            }
        }
        big.pop_persons += small.pop_persons;
        let (p, q) = (
            self.places[small.core].pop_persons,
            self.places[big.core].pop_persons,
        );
        if p > q || (p == q && small.core < big.core) {
            big.core = small.core;
        }
        big.members.extend(small.members);
        self.ranks.insert(rank(&big, root));
        self.parts[root] = Some(big);
    }

    fn step(&self, d_km: f64) -> Step {
        let mut best = self
            .ranks
            .iter()
            .rev()
            .map(|&(_, _, root)| self.component(root.0));
        let largest = best.next().expect("there is at least one place");
        Step {
            d_km,
            components: self.ranks.len(),
            largest,
            second: best.next(),
        }
    }

    fn component(&self, root: usize) -> Component {
        let part = self.parts[root].as_ref().expect("ranks hold roots only");
        let (from, to) = part.ends;
        Component {
            core: part.core,
            places: part.members.len(),
            pop_persons: part.pop_persons,
            span_km: great_circle_km(self.places[from].position(), self.places[to].position()),
        }
    }
}

/// Bits of a number that is not negative are ordered like the number.
fn rank(part: &Part, root: usize) -> (u64, usize, std::cmp::Reverse<usize>) {
    (
        (part.pop_persons + 0.0).to_bits(),
        part.members.len(),
        std::cmp::Reverse(root),
    )
}
