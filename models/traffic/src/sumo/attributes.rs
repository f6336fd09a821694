//! Attributes of vehicles, trips and flows that are not followed.

use super::demand::Open;
use super::unmodelled::Unmodelled;
use super::xml::Element;

/// Lists the attributes of a vehicle that are not followed.
pub(super) fn list(open: &Open<'_, '_>, e: &Element, line: u32, un: &mut Unmodelled) {
    for name in e.names() {
        let value = e.get(name).unwrap_or("");
        let usual = match name {
            "departLane" => matches!(
                value,
                "first" | "best" | "free" | "random" | "allowed" | "best_prob"
            ),
            "departSpeed" => value.parse() == Ok(0.0),
            "departPos" => matches!(value, "base" | "0" | "0.0" | "0.00"),
            "arrivalPos" => value == "max",
            "arrivalLane" | "arrivalSpeed" => value == "current",
            "line" | "departEdge" | "arrivalEdge" | "personNumber" | "containerNumber"
            | "departPosLat" | "arrivalPosLat" | "reroute" | "insertionChecks" => false,
            _ => true,
        };
        if !usual {
            let done = match name {
                "departLane" => "the lane that serves the route best is taken",
                "departSpeed" => "vehicles start from rest",
                "departPos" => "vehicles start at the beginning of the edge",
                "arrivalPos" => "trips end at the end of the edge",
                _ => "not used",
            };
            un.add(
                &format!("vehicle attribute `{name}`: {done}"),
                open.file,
                line,
            );
        }
    }
}
