//! `.osm`: the XML of the OpenStreetMap editing API and of extracts.

use super::raw::{
    Item, Kind, MEMBERS_MAX, Member, Node, REFS_MAX, Relation, TAGS_MAX, Tags, Wanted, Way,
    check_position,
};
use crate::error::TrafficError;
use crate::sumo::xml::{Element, Node as Tag, Xml};

/// Reads the file and hands over what is wanted.
pub(super) fn each(
    bytes: &[u8],
    file: &str,
    wanted: Wanted,
    take: &mut dyn FnMut(Item) -> Result<(), TrafficError>,
) -> Result<(), TrafficError> {
    let mut xml = Xml::new(bytes, file)?;
    if let Some(Tag::Open(root)) = xml.next()?
        && root.name != "osm"
    {
        return Err(TrafficError::Syntax {
            at: xml.at(&root, ""),
            message: format!("the root element is `{}`, not `osm`", root.name),
        });
    }
    while let Some(Tag::Open(e)) = xml.next()? {
        let nodes = wanted == Wanted::Nodes;
        match e.name.as_str() {
            "node" if nodes => {
                if let Some(node) = node(&mut xml, &e)? {
                    take(Item::Node(node))?;
                }
            }
            "way" if !nodes && !is_deleted(&e) => take(Item::Way(way(&mut xml, &e)?))?,
            "relation" if !nodes && !is_deleted(&e) => {
                take(Item::Relation(relation(&mut xml, &e)?))?;
            }
            _ => {
                xml.skip()?;
            }
        }
    }
    xml.end()
}

/// Editors and histories write what was deleted too.
fn is_deleted(e: &Element) -> bool {
    e.get("visible") == Some("false") || e.get("action") == Some("delete")
}

fn id(xml: &Xml<'_>, e: &Element, name: &str) -> Result<i64, TrafficError> {
    let text = xml.text(e, name)?;
    text.trim().parse().map_err(|_| TrafficError::Syntax {
        at: xml.at(e, name),
        message: format!("\"{text}\" is no id (a whole number)"),
    })
}

fn limit(
    xml: &Xml<'_>,
    e: &Element,
    what: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), TrafficError> {
    TrafficError::within(what, found, limit, || xml.at(e, ""))
}

fn tag(xml: &Xml<'_>, e: &Element, child: &Element, tags: &mut Tags) -> Result<(), TrafficError> {
    let (key, value) = (xml.text(child, "k")?, xml.text(child, "v")?);
    tags.0.push((key.to_owned(), value.to_owned()));
    limit(xml, e, "number of tags", tags.0.len(), TAGS_MAX)
}

fn node(xml: &mut Xml<'_>, e: &Element) -> Result<Option<Node>, TrafficError> {
    if is_deleted(e) {
        xml.skip()?;
        return Ok(None);
    }
    let mut node = Node {
        id: id(xml, e, "id")?,
        lat_deg: xml.number(e, "lat")?,
        lon_deg: xml.number(e, "lon")?,
        tags: Tags::default(),
    };
    check_position(node.lat_deg, node.lon_deg, || xml.at(e, ""))?;
    while let Some(Tag::Open(child)) = xml.next()? {
        if child.name == "tag" {
            tag(xml, e, &child, &mut node.tags)?;
        }
        xml.skip()?;
    }
    Ok(Some(node))
}

fn way(xml: &mut Xml<'_>, e: &Element) -> Result<Way, TrafficError> {
    let mut way = Way {
        id: id(xml, e, "id")?,
        refs: Vec::new(),
        tags: Tags::default(),
        line: xml.line(e),
    };
    while let Some(Tag::Open(child)) = xml.next()? {
        match child.name.as_str() {
            "nd" => way.refs.push(id(xml, &child, "ref")?),
            "tag" => tag(xml, e, &child, &mut way.tags)?,
            _ => {}
        }
        limit(xml, e, "number of nodes of a way", way.refs.len(), REFS_MAX)?;
        xml.skip()?;
    }
    Ok(way)
}

fn relation(xml: &mut Xml<'_>, e: &Element) -> Result<Relation, TrafficError> {
    let mut relation = Relation {
        id: id(xml, e, "id")?,
        members: Vec::new(),
        tags: Tags::default(),
        line: xml.line(e),
    };
    while let Some(Tag::Open(child)) = xml.next()? {
        match child.name.as_str() {
            "member" => {
                let kind = match xml.text(&child, "type")? {
                    "node" => Kind::Node,
                    "way" => Kind::Way,
                    "relation" => Kind::Relation,
                    other => {
                        return Err(TrafficError::Syntax {
                            at: xml.at(e, "member"),
                            message: format!(
                                "\"{other}\" is no kind of member (node, way or relation)"
                            ),
                        });
                    }
                };
                relation.members.push(Member {
                    kind,
                    id: id(xml, &child, "ref")?,
                    role: child.get("role").unwrap_or("").to_owned(),
                });
            }
            "tag" => tag(xml, e, &child, &mut relation.tags)?,
            _ => {}
        }
        let members = relation.members.len();
        limit(xml, e, "number of members", members, MEMBERS_MAX)?;
        xml.skip()?;
    }
    Ok(relation)
}
