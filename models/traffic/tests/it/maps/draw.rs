//! A map drawn by hand, as XML and as the blocks of a `.osm.pbf`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use conurb_traffic::osm::read_map;
use conurb_traffic::{MapNetwork, MapOptions, Network};

/// Metres of a degree of latitude near 30 degrees north; good enough to draw.
const DEGREE_M: f64 = 110_850.0;
const LAT: f64 = 30.25;
const LON: f64 = 120.15;

type Tags = Vec<(String, String)>;
/// Kind (node, way, relation), identifier and role.
type Member = (u8, i64, &'static str);

/// `a=b c=d` as tags; `+` stands for a blank.
fn tags(text: &str) -> Tags {
    let pairs = text.split_whitespace().filter_map(|t| t.split_once('='));
    pairs
        .map(|(k, v)| (k.to_owned(), v.replace('+', " ")))
        .collect()
}

/// A map: nodes in metres, ways, restrictions.
#[derive(Debug, Default, Clone)]
pub(crate) struct Draw {
    nodes: Vec<(i64, f64, f64, Tags)>,
    ways: Vec<(i64, Vec<i64>, Tags)>,
    relations: Vec<(i64, Vec<Member>, Tags)>,
}

impl Draw {
    pub(crate) fn node(mut self, id: i64, x: f64, y: f64, text: &str) -> Self {
        self.nodes.push((id, x, y, tags(text)));
        self
    }

    pub(crate) fn way(mut self, id: i64, refs: &[i64], text: &str) -> Self {
        self.ways.push((id, refs.to_vec(), tags(text)));
        self
    }

    pub(crate) fn ban(mut self, id: i64, (from, via, to): (i64, i64, i64), kind: &str) -> Self {
        let members = vec![(1, from, "from"), (0, via, "via"), (1, to, "to")];
        let tags = vec![
            ("type".to_owned(), "restriction".to_owned()),
            ("restriction".to_owned(), kind.to_owned()),
        ];
        self.relations.push((id, members, tags));
        self
    }

    fn position(x: f64, y: f64) -> (f64, f64) {
        let lat = LAT + y / DEGREE_M;
        (lat, LON + x / (111_320.0 * LAT.to_radians().cos()))
    }

    pub(crate) fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\"?>\n<osm version=\"0.6\">\n");
        let write_tags = |out: &mut String, tags: &Tags| {
            for (k, v) in tags {
                writeln!(out, "  <tag k=\"{k}\" v=\"{v}\"/>").unwrap();
            }
        };
        for (id, x, y, tags) in &self.nodes {
            let (lat, lon) = Self::position(*x, *y);
            writeln!(out, " <node id=\"{id}\" lat=\"{lat:.7}\" lon=\"{lon:.7}\">").unwrap();
            write_tags(&mut out, tags);
            out.push_str(" </node>\n");
        }
        for (id, refs, tags) in &self.ways {
            writeln!(out, " <way id=\"{id}\">").unwrap();
            for node in refs {
                writeln!(out, "  <nd ref=\"{node}\"/>").unwrap();
            }
            write_tags(&mut out, tags);
            out.push_str(" </way>\n");
        }
        for (id, members, tags) in &self.relations {
            writeln!(out, " <relation id=\"{id}\">").unwrap();
            for (kind, member, role) in members {
                let kind = ["node", "way", "relation"][usize::from(*kind)];
                writeln!(
                    out,
                    "  <member type=\"{kind}\" ref=\"{member}\" role=\"{role}\"/>"
                )
                .unwrap();
            }
            write_tags(&mut out, tags);
            out.push_str(" </relation>\n");
        }
        out.push_str("</osm>\n");
        out
    }

    /// The same map as a `.osm.pbf`: dense nodes or single ones, packed or not.
    pub(crate) fn pbf(&self, dense: bool, zlib: bool) -> Vec<u8> {
        let mut header = Message::default();
        header.text(4, b"OsmSchema-V0.6");
        if dense {
            header.text(4, b"DenseNodes");
        }
        let mut out = block("OSMHeader", &header.0, zlib);
        let mut strings = Strings::default();
        let nodes = if dense {
            self.dense(&mut strings)
        } else {
            self.single(&mut strings)
        };
        let (ways, relations) = (
            self.pbf_ways(&mut strings),
            self.pbf_relations(&mut strings),
        );
        let mut data = Message::default();
        data.text(1, &strings.table());
        for group in [nodes, ways, relations] {
            data.text(2, &group);
        }
        out.extend(block("OSMData", &data.0, zlib));
        out
    }

    fn units(x: f64, y: f64) -> (i64, i64) {
        let (lat, lon) = Self::position(x, y);
        ((lat * 1e7).round() as i64, (lon * 1e7).round() as i64)
    }

    fn dense(&self, strings: &mut Strings) -> Vec<u8> {
        let mut before = (0, 0, 0);
        let (mut ids, mut lats, mut lons, mut words) = (vec![], vec![], vec![], vec![]);
        for (id, x, y, tags) in &self.nodes {
            let (lat, lon) = Self::units(*x, *y);
            ids.push(zigzag(id - before.0));
            lats.push(zigzag(lat - before.1));
            lons.push(zigzag(lon - before.2));
            before = (*id, lat, lon);
            for (k, v) in tags {
                words.extend([strings.of(k), strings.of(v)]);
            }
            words.push(0);
        }
        let mut nodes = Message::default();
        for (field, numbers) in [(1, ids), (8, lats), (9, lons), (10, words)] {
            nodes.packed(field, &numbers);
        }
        let mut group = Message::default();
        group.text(2, &nodes.0);
        group.0
    }

    fn single(&self, strings: &mut Strings) -> Vec<u8> {
        let mut group = Message::default();
        for (id, x, y, tags) in &self.nodes {
            let (lat, lon) = Self::units(*x, *y);
            let mut node = Message::default();
            node.number(1, zigzag(*id));
            node.tags(tags, strings);
            node.number(8, zigzag(lat));
            node.number(9, zigzag(lon));
            group.text(1, &node.0);
        }
        group.0
    }

    fn pbf_ways(&self, strings: &mut Strings) -> Vec<u8> {
        let mut group = Message::default();
        for (id, refs, tags) in &self.ways {
            let mut way = Message::default();
            way.number(1, *id as u64);
            way.tags(tags, strings);
            way.packed(8, &differences(refs.iter().copied()));
            group.text(3, &way.0);
        }
        group.0
    }

    fn pbf_relations(&self, strings: &mut Strings) -> Vec<u8> {
        let mut group = Message::default();
        for (id, members, tags) in &self.relations {
            let mut relation = Message::default();
            relation.number(1, *id as u64);
            relation.tags(tags, strings);
            let roles: Vec<u64> = members.iter().map(|m| strings.of(m.2)).collect();
            relation.packed(8, &roles);
            relation.packed(9, &differences(members.iter().map(|m| m.1)));
            let kinds: Vec<u64> = members.iter().map(|m| u64::from(m.0)).collect();
            relation.packed(10, &kinds);
            group.text(4, &relation.0);
        }
        group.0
    }

    /// The network with usual options.
    pub(crate) fn read(&self) -> MapNetwork {
        self.read_with(&MapOptions::default())
    }

    pub(crate) fn read_with(&self, options: &MapOptions) -> MapNetwork {
        read_map(self.xml().as_bytes(), "map.osm", options).unwrap()
    }
}

fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

fn differences(all: impl Iterator<Item = i64>) -> Vec<u64> {
    let mut before = 0;
    all.map(|n| {
        let d = zigzag(n - before);
        before = n;
        d
    })
    .collect()
}

#[derive(Default)]
struct Strings(Vec<String>, HashMap<String, u64>);

impl Strings {
    fn of(&mut self, text: &str) -> u64 {
        if let Some(known) = self.1.get(text) {
            return *known;
        }
        self.0.push(text.to_owned());
        // 0 ends the tags of a dense node, so texts count from 1.
        let index = self.0.len() as u64;
        self.1.insert(text.to_owned(), index);
        index
    }

    fn table(&self) -> Vec<u8> {
        let mut table = Message::default();
        table.text(1, b"");
        self.0.iter().for_each(|s| table.text(1, s.as_bytes()));
        table.0
    }
}

/// A protocol buffer under way.
#[derive(Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    pub(crate) fn number(&mut self, field: u64, v: u64) {
        self.varint(field << 3);
        self.varint(v);
    }

    pub(crate) fn text(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn packed(&mut self, field: u64, all: &[u64]) {
        let mut body = Self::default();
        all.iter().for_each(|v| body.varint(*v));
        self.text(field, &body.0);
    }

    fn tags(&mut self, tags: &Tags, strings: &mut Strings) {
        let keys: Vec<u64> = tags.iter().map(|(k, _)| strings.of(k)).collect();
        let values: Vec<u64> = tags.iter().map(|(_, v)| strings.of(v)).collect();
        self.packed(2, &keys);
        self.packed(3, &values);
    }
}

/// A block of a file.
pub(crate) fn block(kind: &str, content: &[u8], zlib: bool) -> Vec<u8> {
    let mut blob = Message::default();
    if zlib {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(content).unwrap();
        blob.number(2, content.len() as u64);
        blob.text(3, &packer.finish().unwrap());
    } else {
        blob.text(1, content);
    }
    let mut head = Message::default();
    head.text(1, kind.as_bytes());
    head.number(3, blob.0.len() as u64);
    let mut out = (head.0.len() as u32).to_be_bytes().to_vec();
    out.extend(&head.0);
    out.extend(&blob.0);
    out
}

/// A crossing of two streets, 200 m each way: nodes 1 west, 2 east, 3 south, 4 north, 5 the middle; ways 10
/// west-east and 20 south-north, cut in the middle so that bans can name arms (11, 12 and 21, 22).
pub(crate) fn cross(middle: &str, main: &str, side: &str) -> Draw {
    Draw::default()
        .node(1, -200.0, 0.0, "")
        .node(2, 200.0, 0.0, "")
        .node(3, 0.0, -200.0, "")
        .node(4, 0.0, 200.0, "")
        .node(5, 0.0, 0.0, middle)
        .way(11, &[1, 5], main)
        .way(12, &[5, 2], main)
        .way(21, &[3, 5], side)
        .way(22, &[5, 4], side)
}

/// The turns of a junction as `from>to`, sorted.
pub(crate) fn turns(net: &Network, junction: &str) -> Vec<String> {
    let j = net
        .junction_ix(junction)
        .unwrap_or_else(|| panic!("no junction {junction}"));
    let links = net.junctions()[j.ix()].road_links.iter();
    let mut all: Vec<String> = links
        .map(|l| {
            format!(
                "{}>{}",
                net.roads()[l.from.ix()].id,
                net.roads()[l.to.ix()].id
            )
        })
        .collect();
    all.sort();
    all.dedup();
    all
}
