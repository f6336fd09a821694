//! The five clusters of China: official lists and their members.

use serde::{Deserialize, Serialize};

use super::{Origin, list, rows};
use crate::RegionError;

/// An official list of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterList {
    /// Id of the list, e.g. `yrd26`.
    pub id: String,
    /// Id of the cluster, e.g. `yrd`.
    pub cluster: String,
    /// Name of the cluster.
    pub cluster_zh: String,
    /// Name of the cluster.
    pub cluster_en: String,
    /// Whether it is the list that stands for the cluster; one for each of the five.
    pub whole: bool,
    /// Number of members.
    pub members: usize,
    /// Where the list is more generous than the plan, or nothing.
    pub note: String,
    /// The plan.
    pub origin: Origin,
}

/// A city of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterCity {
    /// Id of the cluster.
    pub cluster: String,
    /// Province.
    pub province_zh: String,
    /// Province.
    pub province_en: String,
    /// City without 市.
    pub name_zh: String,
    /// City; no key, since names repeat (two Suzhou, two Taizhou).
    pub name_en: String,
    /// Code of the prefecture; municipalities end in 0100.
    pub code: String,
    /// Ids of the lists it is on.
    pub lists: Vec<String>,
    /// The plan.
    pub origin: Origin,
}

#[derive(Deserialize)]
struct ListRow {
    list: String,
    cluster: String,
    cluster_zh: String,
    cluster_en: String,
    whole: String,
    members: usize,
    source: String,
    year: u16,
    note: String,
}

#[derive(Deserialize)]
struct CityRow {
    cluster: String,
    province_zh: String,
    province_en: String,
    city_zh: String,
    city_en: String,
    code: String,
    lists: String,
    source: String,
    year: u16,
}

/// All official lists.
#[must_use]
pub fn cluster_lists() -> Vec<ClusterList> {
    rows::<ListRow>(include_bytes!("../../data/clusters.csv"))
        .into_iter()
        .map(|r| ClusterList {
            id: r.list,
            cluster: r.cluster,
            cluster_zh: r.cluster_zh,
            cluster_en: r.cluster_en,
            whole: r.whole == "yes",
            members: r.members,
            note: r.note,
            origin: Origin {
                source: r.source,
                year: r.year,
            },
        })
        .collect()
}

/// All cities of the five clusters, cluster by cluster.
#[must_use]
pub fn cluster_cities() -> Vec<ClusterCity> {
    rows::<CityRow>(include_bytes!("../../data/cluster_cities.csv"))
        .into_iter()
        .map(|r| ClusterCity {
            cluster: r.cluster,
            province_zh: r.province_zh,
            province_en: r.province_en,
            name_zh: r.city_zh,
            name_en: r.city_en,
            code: r.code,
            lists: list(&r.lists, ' '),
            origin: Origin {
                source: r.source,
                year: r.year,
            },
        })
        .collect()
}

/// The members of a list (`yrd26`) or of a cluster's whole list (`yrd`).
///
/// # Errors
/// [`RegionError::UnknownName`] with the nearest id.
pub fn members(id: &str) -> Result<Vec<ClusterCity>, RegionError> {
    let lists = cluster_lists();
    let found = lists
        .iter()
        .find(|l| l.id == id || (l.whole && l.cluster == id))
        .ok_or_else(|| {
            let known = lists
                .iter()
                .flat_map(|l| [l.id.as_str(), l.cluster.as_str()]);
            RegionError::unknown("cluster", id, known)
        })?;
    let mut cities = cluster_cities();
    cities.retain(|c| c.lists.contains(&found.id));
    Ok(cities)
}
