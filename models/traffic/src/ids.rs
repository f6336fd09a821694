//! Strong index types: every table of the engine is a flat vector behind one of these.

use serde::{Deserialize, Serialize};

macro_rules! index_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The place in a table as `usize`.
            #[must_use]
            pub const fn ix(self) -> usize {
                self.0 as usize
            }

            #[allow(dead_code)] // not every table is built here
            pub(crate) fn of(ix: usize) -> Self {
                Self(u32::try_from(ix).expect("tables are limited to fewer than 2^32 rows on load"))
            }
        }
    };
}

index_type!(
    /// A junction, in file order.
    JunctionIx
);
index_type!(
    /// A road (one carriageway), in file order.
    RoadIx
);
index_type!(
    /// A lane: roads in file order, lanes of a road from the inside (left in right-hand traffic).
    LaneIx
);
index_type!(
    /// A lane link (one lane's way through a junction): junctions, road links, lane links in file order.
    LinkIx
);
index_type!(
    /// A road link (one movement of a junction), junctions in file order.
    RoadLinkIx
);
index_type!(
    /// A lane or a lane link: lanes first (`0..lanes`), lane links after them.
    DrivableIx
);
index_type!(
    /// A flow of the demand file, in file order; its vehicles are `flow_i_0`, `flow_i_1`, ...
    FlowIx
);

/// "Nothing" in the engine's flat `u32` tables.
pub(crate) const NONE: u32 = u32::MAX;
